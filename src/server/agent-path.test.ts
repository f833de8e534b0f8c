/**
 * An agent's path through both servers, steps 0 to 6 by tool calls alone, says what `he-compile run` says: here every client and
 * every transport once, in the slow test each with each.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nativeUnavailable } from '../runtime/backends/native/load-addon.ts';
import type { AgentWorld } from './testing/agent-world.ts';
import { openAgentWorld } from './testing/agent-world.ts';
import { expectSameAnswers } from './testing/same-answers.ts';
import type { TestModel } from './testing/served-model.ts';
import { compileFixture } from './testing/served-model.ts';

const SAMPLES = join(import.meta.dirname, '../../fixtures/samples');
const IMAGES = ['3-0', '7-1'].map((name) => join(SAMPLES, `${name}.png`));
const AGENTS = [
  ['v1', 'sse'],
  ['v2, 2026-07-28', 'http'],
  ['v2, 2025-11-25', 'stdio'],
] as const;
/** Every client starts processes and makes keys, and they do so at the same time. */
const TIMEOUT_MS = 180_000;

let model: TestModel;
let world: AgentWorld;
let expected: number[][];
beforeAll(async () => {
  // The faster of the two where it is there; the slow test takes the other.
  model = await compileFixture('digits-square', 100, nativeUnavailable() === null ? 'native' : 'seal');
  world = await openAgentWorld(model.file, SAMPLES);
  expected = await world.run(IMAGES);
}, TIMEOUT_MS);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

describe.concurrent('steps 0 to 6', () => {
  it.each(AGENTS)(
    'taken by the client %s over %s give what `run` gives',
    async (kind, transport) => {
      const answers = await world.classify(kind, transport, IMAGES);
      expectSameAnswers(model.artifact.signature.outputs[0]!, answers, expected);
      expect(answers.map(({ winner }) => winner)).toEqual([3, 7]);
    },
    TIMEOUT_MS,
  );
});
