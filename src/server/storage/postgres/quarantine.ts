/**
 * Pairs of model and key set with which evaluation processes, or workers, crashed again and again are left alone for a while: whoever they belong to
 * would take down one worker after another. What ends well is forgiven.
 */
import { ToolError } from '../../protocol/error-codes.ts';
import type { PostgresClient } from './postgres-client.ts';

const MOST_CRASHES = 3;
const SECONDS = 3600;

/** @throws ToolError ERROR_EVALUATION_FAILED */
export async function requireNoQuarantine(client: PostgresClient, affinity: string): Promise<void> {
  const row = await client.get(
    `SELECT ceil(extract(epoch FROM last_at - clock_timestamp()) + $3) AS seconds FROM crashes
     WHERE affinity = $1 AND count >= $2 AND last_at > clock_timestamp() - make_interval(secs => $3)`,
    ...[affinity, MOST_CRASHES, SECONDS],
  );
  if (row === null) return;
  throw new ToolError(
    'ERROR_EVALUATION_FAILED',
    `evaluations of this model with these keys crashed ${MOST_CRASHES} times; none is begun for a while`,
    { retryAfterMs: 1000 * Number(row['seconds']) },
  );
}

export async function noteCrash(client: PostgresClient, affinity: string): Promise<void> {
  await client.run(
    `INSERT INTO crashes (affinity, count, last_at) VALUES ($1, 1, clock_timestamp())
     ON CONFLICT (affinity) DO UPDATE SET last_at = excluded.last_at, count = CASE
       WHEN crashes.last_at > clock_timestamp() - make_interval(secs => $2) THEN crashes.count + 1 ELSE 1 END`,
    ...[affinity, SECONDS],
  );
}

export async function noteSuccess(client: PostgresClient, affinity: string): Promise<void> {
  await client.run('DELETE FROM crashes WHERE affinity = $1', affinity);
}
