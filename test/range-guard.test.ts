/** Values that leave the range of an unrefreshed polynomial, behind which values are refreshed: refused by the client. */
import { expect, it } from 'vitest';
import { decodeArtifact, encodeArtifact } from '../src/program/codec.ts';
import { packCleartextInputs, unpackCleartextOutputs } from '../src/runtime/client/cleartext-client.ts';
import { Evaluator } from '../src/runtime/evaluation/evaluator.ts';
import { BEYOND, OUTPUTS, refreshedModel, SAMPLES, scaledInput } from './refreshed-model.ts';

it.each([8, 16])(
  'at degree %i what runs away before the first refresh is refused, what does not is answered',
  async (degree) => {
    const artifact = decodeArtifact(encodeArtifact(await refreshedModel(degree)));
    const { signature, program } = artifact;
    expect(program.instructions.some(({ kind }) => kind === 'refresh')).toBe(true);
    // The power shares the argument of its polynomial, and must not cost it any precision.
    expect(artifact.report.predicted.encryptionPrecisionBits).toBeGreaterThan(12);
    const guarded = artifact.report.approximations.filter(({ refusedFrom }) => refusedFrom !== undefined);
    expect(guarded.map(({ node }) => node)).toEqual([expect.stringMatching(/^Relu_/)]);
    await using clear = await Evaluator.create(artifact, null, { backend: 'cleartext', threads: 1 });
    const answer = async (sample: number, factor: number): Promise<Float64Array> => {
      const allowed = { allowOutOfRange: () => undefined };
      const packed = packCleartextInputs(signature, [scaledInput(sample, factor)], allowed);
      return unpackCleartextOutputs(signature, (await clear.evaluate(packed)).outputs)[0]!;
    };
    for (let sample = 0; sample < SAMPLES; sample++) {
      expect(await answer(sample, 1)).toHaveLength(OUTPUTS);
      for (const factor of BEYOND)
        await expect(answer(sample, factor)).rejects.toMatchObject({ code: 'OUTPUT_OUT_OF_RANGE' });
    }
  },
  180_000,
);
