/** The same as `range-guard.test.ts` under encryption, where what runs away wraps moduli around on its way. */
import { expect, it } from 'vitest';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { SecretClient } from '../src/runtime/client/secret-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import { BEYOND, OUTPUTS, refreshedModel, scaledInput } from './refreshed-model.ts';

it.skipIf(nativeUnavailable() !== null)(
  'what runs away before the first refresh is refused, what does not is answered',
  async () => {
    const artifact = await refreshedModel(8);
    await using client = await SecretClient.generate(artifact.signature);
    await using evaluator = await Evaluator.create(artifact, await client.makeEvaluationKeys(), {
      backend: 'native',
      threads: 2,
    });
    const answer = async (sample: number, factor: number): Promise<Float64Array> => {
      const allowed = { allowOutOfRange: () => undefined };
      const set = await client.encrypt([scaledInput(sample, factor)], allowed);
      return (await client.decrypt((await evaluator.evaluate(set)).outputs))[0]!;
    };
    expect(await answer(0, 1)).toHaveLength(OUTPUTS);
    for (const factor of BEYOND)
      await expect(answer(0, factor)).rejects.toMatchObject({ code: 'OUTPUT_OUT_OF_RANGE' });
  },
  600_000,
);
