/** What clients of tests send, and the bits that must come back: evaluation is deterministic. */
import { nativeUnavailable } from '../../runtime/backends/native/load-addon.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import { Evaluator } from '../../runtime/evaluation/evaluator.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import type { SessionPlan } from './insistent-client.ts';
import type { TestModel } from './served-model.ts';
import { compileFixture, digit } from './served-model.ts';

const KEY_CHUNKS = 4;
const INPUT_CHUNKS = 3;

export interface SessionPlans extends AsyncDisposable {
  readonly model: TestModel;
  readonly backend: 'native' | 'seal';
  /** Of one secret key, each of another input; every second one polls. */
  readonly plans: readonly SessionPlan[];
}

export async function makeSessionPlans(count: number): Promise<SessionPlans> {
  const backend = nativeUnavailable() === null ? 'native' : 'seal';
  const model = await compileFixture('digits-square', 100, backend);
  await using secret = await SecretClient.generate(model.artifact.signature);
  const evaluationKeys = await secret.makeEvaluationKeys();
  await using evaluator = await Evaluator.create(model.artifact, evaluationKeys, { backend, threads: 1 });
  const keys = encodeEvaluationKeys(evaluationKeys);
  const plans: SessionPlan[] = [];
  for (let i = 0; i < count; i++) {
    const ciphertexts = await secret.encrypt([await digit(model.artifact, `${i}-0`)]);
    const { outputs } = await evaluator.evaluate(ciphertexts);
    plans.push({
      ...{ keys, keyChunks: KEY_CHUNKS, inputChunks: INPUT_CHUNKS, polls: i % 2 === 1 },
      ...{ input: encodeCiphertextSet(ciphertexts), expected: sha256Of(encodeCiphertextSet(outputs)) },
    });
  }
  return { model, backend, plans, [Symbol.asyncDispose]: () => model[Symbol.asyncDispose]() };
}
