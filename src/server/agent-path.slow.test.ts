/** The agent's path of `agent-path.test.ts` with ten pictures, on node-seal; and the same in one call of the local server. */
import { join } from 'node:path';
import { afterAll, beforeAll, it } from 'vitest';
import type { AgentWorld } from './testing/agent-world.ts';
import { AGENTS, openAgentWorld } from './testing/agent-world.ts';
import { expectSameAnswers } from './testing/same-answers.ts';
import type { TestModel } from './testing/served-model.ts';
import { compileFixture } from './testing/served-model.ts';

const SAMPLES = join(import.meta.dirname, '../../fixtures/samples');
const IMAGES = Array.from({ length: 10 }, (_, i) => join(SAMPLES, `${i}-1.png`));

let model: TestModel;
let world: AgentWorld;
let expected: number[][];
beforeAll(async () => {
  model = await compileFixture('digits-cnn', 200, 'seal');
  world = await openAgentWorld(model.file, SAMPLES);
  expected = await world.run(IMAGES);
}, 600_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

it.each(AGENTS)('ten pictures, by the client %s over %s: what `run` says', async (kind, transport) => {
  const answers = await world.classify(kind, transport, IMAGES);
  expectSameAnswers(model.artifact.signature.outputs[0]!, answers, expected);
});

/** Over stdio each call starts a remote server of its own. */
const FEW = 2;

it.each(AGENTS)('one call, by the client %s over %s: what `run` says', async (kind, transport) => {
  const answers = await world.classifyInOneCall(kind, transport, IMAGES.slice(0, FEW));
  expectSameAnswers(model.artifact.signature.outputs[0]!, answers, expected.slice(0, FEW));
});
