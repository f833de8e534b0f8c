import { describe, expect, it } from 'vitest';
import { compareOutputs } from './quality.ts';

/** Scores of two classes whose arg max is `classes`. */
const scores = (classes: readonly number[]): Float32Array =>
  Float32Array.from(classes.flatMap((c) => (c === 0 ? [1, 0] : [0, 1])));

describe('compareOutputs', () => {
  it('pairs samples: drop and standard error come from discordant ones', () => {
    const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1, 1);
    const before = scores([0, 0, 0, 0, 1, 1, 1, 1, 1, 0]);
    const after = scores([0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    const { quality, drop } = compareOutputs([before], [after], 10, labels, true);
    expect(quality.originalAccuracy).toBe(0.9);
    expect(quality.polynomialAccuracy).toBe(0.8);
    expect(quality.agreement).toBe(0.7);
    expect(drop.measure).toBe('accuracy');
    expect(drop.points).toBeCloseTo(10, 9);
    // Two lost, one won: variance 3 − 1²/10.
    expect(drop.standardError).toBeCloseTo(10 * Math.sqrt(2.9), 9);
  });

  it('uses agreement without labels', () => {
    const { quality, drop } = compareOutputs([scores([0, 0, 1, 1])], [scores([0, 1, 1, 1])], 4, null, true);
    expect(quality.originalAccuracy).toBeNull();
    expect(drop).toMatchObject({ measure: 'agreement', points: 25 });
  });

  it('uses the output error without classes; 10 % of the RMS counts as a point', () => {
    const { quality, drop } = compareOutputs(
      [Float32Array.of(3, 4)],
      [Float32Array.of(3, 4.5)],
      1,
      null,
      false,
    );
    expect(quality.agreement).toBeNull();
    expect(quality.maxOutputError).toBeCloseTo(0.5, 6);
    expect(drop.points).toBeCloseTo(1, 6);
  });

  it('counts samples that overflow as wrong and leaves them out of the errors', () => {
    const labels = Int32Array.of(0, 0, 1);
    const before = scores([0, 0, 1]);
    const after = Float32Array.of(NaN, 0, Infinity, 0, 0, 1);
    const { quality, drop, overflows } = compareOutputs([before], [after], 3, labels, true);
    expect(overflows).toBe(2);
    expect(quality).toMatchObject({ polynomialAccuracy: 1 / 3, agreement: 1 / 3, rmsOutputError: 0 });
    expect(drop.points).toBeCloseTo(200 / 3, 9);
    expect(compareOutputs([before], [after], 3, null, false).drop.points).toBe(Infinity);
  });

  it('takes an output beyond all measure for an overflow', () => {
    const labels = Int32Array.of(0, 0);
    const before = scores([0, 0]);
    const after = Float32Array.of(1e22, -1e22, 1, 0);
    const { quality, drop, overflows } = compareOutputs([before], [after], 2, labels, true);
    expect(overflows).toBe(1);
    expect(quality).toMatchObject({ polynomialAccuracy: 0.5, maxOutputError: 0 });
    expect(drop.points).toBe(50);
    // Merely bad is not beyond measure; and a model that gives 0 has none.
    expect(compareOutputs([before], [Float32Array.of(500, 0, 1, 0)], 2, labels, true).overflows).toBe(0);
    expect(
      compareOutputs([new Float32Array(4)], [Float32Array.of(9, 0, 1, 0)], 2, null, true).overflows,
    ).toBe(0);
  });
});
