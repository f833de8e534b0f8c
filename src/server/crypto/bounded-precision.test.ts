import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Signature } from '../../program/signature.ts';
import { interpretOutputs } from '../../runtime/client/interpret-outputs.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture } from '../testing/served-model.ts';
import { boundedPrecision } from './bounded-precision.ts';

let models: TestModel[];
beforeAll(async () => {
  models = [await compileFixture('digits-square'), await compileFixture('digits-cnn')];
});
afterAll(async () => {
  for (const model of models) await model[Symbol.asyncDispose]();
});

function claiming(
  signature: Signature,
  change: { precisionBits?: number; bound?: number; scale?: number },
): Signature {
  return { ...signature, outputs: signature.outputs.map((output) => ({ ...output, ...change })) };
}

describe('boundedPrecision', () => {
  it('leaves what the compiler certifies as it is', () => {
    for (const { artifact } of models)
      expect(boundedPrecision(artifact.signature)).toEqual(artifact.signature);
  });

  it.each([
    ['a precision beyond the noise', { precisionBits: 60 }],
    ['a bound so small that its grid is fine', { precisionBits: 20, bound: 1e-12 }],
    ['both', { precisionBits: 500, bound: 1e-30 }],
  ])('rounds no finer than the noise of one rescaling, whatever a server claims: %s', (_what, change) => {
    const { signature } = models[0]!.artifact;
    const [output] = signature.outputs;
    const bounded = boundedPrecision(claiming(signature, change));
    // Values that differ by a hundredth of that noise must not be told apart for the most part.
    const noise = signature.parameters.polyModulusDegree / Math.sqrt(18) / output!.scale;
    const values = Float64Array.from({ length: 10 }, (_, i) => 1 + (i * noise) / 100);
    const [shown] = interpretOutputs(bounded, [values]);
    expect(new Set(shown!.values).size).toBeLessThanOrEqual(2);
    const [claimed] = interpretOutputs(claiming(signature, change), [values]);
    expect(new Set(claimed!.values).size).toBe(10);
  });
});
