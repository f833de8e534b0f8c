/**
 * `npm run bench:cluster-queue`: what a claim costs as the queue of a cluster grows, on PostgreSQL of this machine: jobs of many clients
 * wait, workers claim and end them. Goes to bench/results/cluster-queue.json.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import type { Job } from '../src/server/storage/evaluation-queue.ts';
import { PostgresDatabase } from '../src/server/storage/postgres/postgres-database.ts';
import { PostgresMetadataStore } from '../src/server/storage/postgres/postgres-metadata-store.ts';
import { PostgresNotices } from '../src/server/storage/postgres/postgres-notices.ts';
import { CLUSTER_RULES, PostgresQueue } from '../src/server/storage/postgres/postgres-queue.ts';
import type { SessionRecord } from '../src/server/storage/records.ts';
import { PostgresServer } from '../src/server/storage/testing/postgres-server.ts';
import { describeCommit } from './commit.ts';

const DEPTHS = [100, 1000, 3000, 10_000];
const CLIENTS = [10, 100, 1000];
const CLAIMS = 300;
/** Orders, to have so many wait. */
const AT_ONCE = 8;
const RULES = {
  ...CLUSTER_RULES,
  ...{ capacity: 1e6, capacityPerClient: 1e6, concurrencyPerClient: 2, quantum: 4, quantumMs: 2000 },
};
const NEVER = new AbortController().signal;

function session(clientId: string, sessionId: string): SessionRecord {
  return {
    ...{ clientId, sessionId, state: 'queued', model: 'm', keyRef: 'k', ompThreads: null, outcome: null },
    ...{ createdAt: Date.now(), expiresAt: Date.now() + 1e9, queuedAt: Date.now() },
  };
}

/** In milliseconds. */
async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

await using server = await PostgresServer.start();
await using database = await PostgresDatabase.open(server.address);
await using notices = new PostgresNotices(database);
const store = new PostgresMetadataStore(database);
const queue = new PostgresQueue(database, notices, 'bench', RULES);
const points: object[] = [];
for (const clients of CLIENTS) {
  let [next, waiting] = [0, 0];
  await database.run('TRUNCATE jobs, turns, sessions');
  const order = async (): Promise<void> => {
    const clientId = `client-${next % clients}`;
    const record = session(clientId, `s${next++}`);
    await store.putSession(record);
    const job: Job = {
      ...{ kind: 'session', clientId, id: record.sessionId, keyRef: 'k', artifact: 'a', costSeconds: 1 },
      affinity: `${clientId} k a`,
    };
    waiting++;
    await queue.order(job, record);
  };
  for (const depth of DEPTHS) {
    const orders: number[] = [];
    while (waiting < depth) {
      const some = Array.from({ length: Math.min(AT_ONCE, depth - waiting) }, () => timed(order));
      orders.push(...(await Promise.all(some)));
    }
    const claims: number[] = [];
    for (let i = 0; i < CLAIMS; i++) {
      const offer = { kind: 'session', warm: () => [`client-${i % clients} k a`] } as const;
      let claim: Awaited<ReturnType<typeof queue.claim>> = null;
      claims.push(await timed(async () => (claim = await queue.claim(offer, NEVER))));
      const { session: record } = claim!;
      await claim!.end({ kind: 'session', record: { ...record!, state: 'cancelled' } });
      await order();
      waiting--;
    }
    const point = {
      ...{ clients, depth, orderMs: median(orders), claimMs: median(claims) },
      slowestClaimMs: Math.max(...claims),
    };
    console.log(JSON.stringify(point));
    points.push(point);
  }
}
const result = {
  bench: 'cluster-queue',
  command: 'npm run bench:cluster-queue',
  machine: describeMachine(),
  versions: await collectVersions(),
  commit: await describeCommit(),
  load: loadavg()[0],
  claims: CLAIMS,
  points,
};
await writeFile(
  join(import.meta.dirname, 'results', 'cluster-queue.json'),
  `${JSON.stringify(result, null, 2)}\n`,
);
