/**
 * Ends this process where its guard is gone without a word (killed, say), however busy the event loop is: a thread of its own looks
 * whose child the process is.
 */
import { Worker } from 'node:worker_threads';
import { GUARD } from './messages.ts';

const POLL_MS = 250;

/** Orphans become the child of another process. */
export function watchGuard(): void {
  const guard = Number(process.env[GUARD]);
  const source = `
    const { workerData: { guard, pollMs } } = require('node:worker_threads');
    setInterval(() => {
      if (process.ppid !== guard) process.kill(process.pid, 'SIGKILL');
    }, pollMs);`;
  new Worker(source, { eval: true, workerData: { guard, pollMs: POLL_MS } }).unref();
}
