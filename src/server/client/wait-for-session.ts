/** Waits for an evaluation that goes on by itself, by asking how far it is. */
import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import type { sessionAnswer } from '../protocol/answers.ts';
import { isErrorCode, ToolError } from '../protocol/error-codes.ts';

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 2000;
const GROWTH = 1.3;

/** @throws ToolError if it failed, was cancelled, or is unknown */
export async function waitUntilDone(
  ask: () => Promise<z.infer<typeof sessionAnswer> | null>,
  {
    signal,
    progress,
    patienceMs,
  }: {
    readonly signal?: AbortSignal | undefined;
    readonly progress?: ((fraction: number) => void) | undefined;
    /** However often it says that it is at work. */
    readonly patienceMs: number;
  },
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (let wait = FIRST_DELAY_MS; ; wait = Math.min(wait * GROWTH, LAST_DELAY_MS)) {
    const session = await ask();
    switch (session?.status) {
      case 'done':
        return;
      case 'queued':
      case 'running':
        break;
      case 'failed': {
        const code = isErrorCode(session.error_code) ? session.error_code : 'ERROR_EVALUATION_FAILED';
        throw new ToolError(code, 'the evaluation failed');
      }
      case 'cancelled':
        throw new ToolError('ERROR_CANCELLED', 'the evaluation was cancelled');
      case 'staging':
      case undefined:
        throw new ToolError('ERROR_UNKNOWN_SESSION', 'the server has lost the session');
    }
    progress?.(session.progress);
    if (performance.now() + wait > deadline)
      throw new ToolError('ERROR_TIMEOUT', `no result after ${Math.round(patienceMs / 1000)} s`);
    await delay(wait, undefined, signal === undefined ? {} : { signal });
  }
}
