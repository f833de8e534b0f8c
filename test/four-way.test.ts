/** Models of squares only: nothing is approximated, so that every gap is rounding or encryption. */
import { describe, expect, it } from 'vitest';
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

    it('encryption costs what was forecast, to within a bit', async () => {
      const { artifact, encryptionBits } = await compared();
      const forecast = artifact.report.predicted.precisionBits;
      expect(Math.abs(encryptionBits! - forecast)).toBeLessThan(1);
    });
  },
);
