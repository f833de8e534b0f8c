/** Models of squares only: nothing is approximated, so that every gap is rounding or encryption. */
import { describe, expect, it } from 'vitest';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import type { Comparison } from './four-way.ts';
import { compareFourWays } from './four-way.ts';

/** Outputs of an exact model differ by float32 rounding, of which onnxruntime promises no order. */
const FLOAT32 = 1e-6;
/** Float64 rounding over some thousand additions. */
const FLOAT64 = 1e-10;

describe.each(['digits-square', 'segment-square'])(
  '%s: onnxruntime, polynomial model, linear graph, slots, ciphertexts',
  (model) => {
    let comparison: Promise<Comparison>;
    const compared = (): Promise<Comparison> => (comparison ??= compareFourWays(model, {}, 3));

    it('the polynomial model is the model', async () => {
      expect((await compared()).approximation).toBeLessThan(FLOAT32);
    });

    it('lowering changes nothing', async () => {
      expect((await compared()).lowering).toBeLessThan(FLOAT32);
    });

    it('packing changes nothing', async () => {
      expect((await compared()).packing).toBeLessThan(FLOAT64);
    });

    it.for(['seal', 'native'] as const)(
      'encryption costs what was forecast, to within a bit: %s',
      async (backend, { skip }) => {
        const missing = backend === 'native' ? nativeUnavailable() : null;
        skip(missing !== null, `the native engine is not available: ${missing}`);
        const { artifact, encryptionBits, forecastBits, worstBits } = await compared();
        expect(Math.abs(encryptionBits.get(backend)! - forecastBits)).toBeLessThan(1);
        expect(worstBits.get(backend)).toBeGreaterThan(artifact.signature.outputs[0]!.precisionBits);
      },
    );
  },
);

it('digits-square compiled for the native engine: the same, with its own parameters and keys', async ({
  skip,
}) => {
  const missing = nativeUnavailable();
  skip(missing !== null, `the native engine is not available: ${missing}`);
  const { artifact, ...gaps } = await compareFourWays('digits-square', { backend: 'native' }, 3);
  expect(artifact.parameters.dnum).toBeLessThan(artifact.parameters.dataPrimes.length);
  expect(gaps.approximation).toBeLessThan(FLOAT32);
  expect(gaps.lowering).toBeLessThan(FLOAT32);
  expect(gaps.packing).toBeLessThan(FLOAT64);
  expect([...gaps.encryptionBits.keys()]).toEqual(['native']);
  expect(Math.abs(gaps.encryptionBits.get('native')! - gaps.forecastBits)).toBeLessThan(1);
  expect(gaps.worstBits.get('native')).toBeGreaterThan(artifact.signature.outputs[0]!.precisionBits);
});
