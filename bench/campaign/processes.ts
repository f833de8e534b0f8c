/** The attacker and the decoy as processes of their own. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BackendError } from '../../src/errors.ts';
import type { AttackOrders, AttackReport } from './attacker.ts';

const here = (name: string): string => join(import.meta.dirname, name);

export interface Attack {
  /** It has what it needs and begins. */
  readonly begun: Promise<void>;
  readonly report: Promise<AttackReport>;
}

export function attack(orders: AttackOrders): Attack {
  const child = spawn(process.execPath, ['--no-warnings', here('attacker.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(orders));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new BackendError('BENCH_FAILED', 'the attacker ended without a report');
    return value;
  };
  const begun = next().then(() => undefined);
  return { begun, report: begun.then(async () => JSON.parse(await next()) as AttackReport) };
}

export interface Decoy extends Disposable {
  readonly url: string;
}

export async function startDecoy(): Promise<Decoy> {
  const child = spawn(process.execPath, ['--no-warnings', here('decoy.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const url of createInterface(child.stdout)) {
    return { url, [Symbol.dispose]: () => void child.kill('SIGKILL') };
  }
  throw new BackendError('BENCH_FAILED', 'the decoy did not start');
}
