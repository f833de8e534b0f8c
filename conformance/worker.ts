/** A process that evaluates tests, one after another: what breaks or hangs here takes no other result with it. */
import { HeError } from '../src/errors.ts';
import { evaluateTest } from './evaluate-test.ts';
import type { RunSettings, TestOutcome } from './outcome.ts';

export interface TestRequest {
  readonly root: string;
  readonly test: string;
  readonly settings: RunSettings;
}

export type TestReply =
  | { readonly kind: 'outcome'; readonly outcome: TestOutcome }
  | { readonly kind: 'broken'; readonly test: string; readonly message: string };

const controller = new AbortController();
process.on('SIGINT', () => controller.abort());
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));

process.on('message', (request: TestRequest) => {
  void answer(request).then((reply) => process.send?.(reply));
});

async function answer({ root, test, settings }: TestRequest): Promise<TestReply> {
  try {
    return { kind: 'outcome', outcome: await evaluateTest(root, test, settings, controller.signal) };
  } catch (error) {
    const message = error instanceof HeError || error instanceof Error ? error.message : String(error);
    return { kind: 'broken', test, message };
  }
}
