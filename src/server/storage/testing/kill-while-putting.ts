/** A put by another process, which is killed at some moment of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { InternalError } from '../../../errors.ts';
import { join } from 'node:path';
import type { StoreWhereabouts } from './store-whereabouts.ts';

/** Of the bytes that are put. */
export const KILLED_SEED = 77;
const ENTRY = join(import.meta.dirname, 'put-until-killed.ts');

/**
 * SIGKILL after the put has begun; the process is gone when it resolves.
 * @param delayMs between the beginning and the signal; at which byte that is differs from run to run, and must not matter
 */
export async function killWhilePutting(
  store: StoreWhereabouts,
  key: string,
  bytes: number,
  delayMs: number,
): Promise<void> {
  const child = spawn(process.execPath, [ENTRY, key, String(bytes), String(KILLED_SEED)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  child.stdin.end(JSON.stringify(store));
  const [first] = (await Promise.race([once(child.stdout, 'data'), exited])) as [unknown];
  if (!String(first).startsWith('putting')) throw new InternalError('the process that was to put did not');
  await sleep(delayMs);
  child.kill('SIGKILL');
  await exited;
}
