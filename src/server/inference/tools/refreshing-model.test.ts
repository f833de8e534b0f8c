/** What a client is told of a model whose levels are given back on the way: before it sends anything, and with the result. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { refreshSummary } from '../../../program/refresh-summary.ts';
import { refreshingArtifact } from '../../../program/testing/small-artifact.ts';
import { inferenceAnswer } from '../../protocol/answers.ts';
import type { CallContext } from '../../protocol/tool.ts';
import type { SessionRecord } from '../../storage/records.ts';
import { DONE, type EvaluationWorld, evaluationWorld } from '../../testing/evaluation-world.ts';
import { describeModel } from './describe-model.ts';
import { answerOf } from './inference-answer.ts';

const plain = refreshingArtifact();
const predicted = { ...plain.report.predicted, latencyMs: 900 };
const layer = { layer: 'refresh0', shape: [1], layout: '', ciphertexts: 1, level: 6, scaleBits: 36 };
const none = { predictedError: 0, bound: 1, operations: plain.report.operations };
const artifact = {
  ...plain,
  report: {
    ...plain.report,
    predicted,
    layers: [{ ...layer, ...none, kind: 'refresh' as const, predictedMs: 650 }],
  },
};

let world: EvaluationWorld;
beforeAll(async () => (world = await evaluationWorld({ maxInlineResultBytes: 1 }, ['deep'], artifact)));
afterAll(() => world[Symbol.asyncDispose]());

it('how often, from which level to which, and for how long', async () => {
  const context = { origin: 'test' } as CallContext;
  const described = await describeModel.run({}, world.services, context);
  expect(describeModel.output.parse(described)).toMatchObject({
    refreshes: { count: 1, from_level: 2, raised_level: 17, to_level: 6, predicted_ms: 650 },
    predicted: { latency_ms: 900 },
  });
  expect(refreshSummary(artifact)!.share).toBeCloseTo(650 / 900, 12);
});

it('what levels are left of a result, and that they were given back', async () => {
  const record: SessionRecord = {
    ...{ clientId: 'client', sessionId: 's', state: 'done', model: 'deep', keyRef: null, ompThreads: null },
    ...{ createdAt: 0, expiresAt: 1, queuedAt: null, outcome: { ...DONE, remainingLevel: 5 } },
  };
  const answer = await answerOf(record, world.services);
  expect(inferenceAnswer.shape.noise_budget_remaining.parse(answer.noise_budget_remaining)).toEqual({
    remaining_level: 5,
    scale: DONE.scale,
    refreshes: 1,
  });
});
