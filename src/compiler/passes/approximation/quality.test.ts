import { describe, expect, it } from 'vitest';
import { pairedBounds } from '../../approx/paired-bounds.ts';
import { compareOutputs } from './quality.ts';

const CLASSES = { kind: 'classes' } as const;
const VALUES = { kind: 'values' } as const;

/** Scores of two classes whose arg max is `classes`. */
const scores = (classes: readonly number[]): Float32Array =>
  Float32Array.from(classes.flatMap((c) => (c === 0 ? [1, 0] : [0, 1])));

describe('compareOutputs', () => {
  it('pairs samples: drop and standard error come from discordant ones', () => {
    const labels = Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1, 1);
    const before = scores([0, 0, 0, 0, 1, 1, 1, 1, 1, 0]);
    const after = scores([0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    const { quality, drop } = compareOutputs([before], [after], 10, labels, CLASSES);
    expect(quality.originalAccuracy).toBe(0.9);
    expect(quality.polynomialAccuracy).toBe(0.8);
    expect(quality.agreement).toBe(0.7);
    expect(drop.measure).toBe('accuracy');
    expect(drop.points).toBeCloseTo(10, 9);
    // Two lost, one won, of ten: what is possible reaches far.
    const { lower, upper } = pairedBounds(2, 1, 10, 0.05);
    expect([drop.lower, drop.upper]).toEqual([100 * lower, 100 * upper]);
    expect(drop.upper).toBeGreaterThan(40);
  });

  it('uses agreement without labels', () => {
    const { quality, drop } = compareOutputs(
      [scores([0, 0, 1, 1])],
      [scores([0, 1, 1, 1])],
      4,
      null,
      CLASSES,
    );
    expect(quality.originalAccuracy).toBeNull();
    expect(drop).toMatchObject({ measure: 'agreement', points: 25 });
  });

  it('uses the output error without classes, in percent of the standard deviation', () => {
    const { quality, drop } = compareOutputs(
      [Float32Array.of(103, 104)],
      [Float32Array.of(103, 104.5)],
      1,
      null,
      VALUES,
    );
    expect(quality.agreement).toBeNull();
    expect(quality.maxOutputError).toBeCloseTo(0.5, 6);
    // 0.5 at one of two elements, ±0.5 about 103.5: however large the outputs are.
    expect(drop).toMatchObject({ measure: 'output-error' });
    expect(drop.points).toBeCloseTo(100 * Math.SQRT1_2, 3);
  });

  it('counts samples that overflow as wrong and leaves them out of the errors', () => {
    const labels = Int32Array.of(0, 0, 1);
    const before = scores([0, 0, 1]);
    const after = Float32Array.of(NaN, 0, Infinity, 0, 0, 1);
    const { quality, drop, overflows } = compareOutputs([before], [after], 3, labels, CLASSES);
    expect(overflows).toBe(2);
    expect(quality).toMatchObject({ polynomialAccuracy: 1 / 3, agreement: 1 / 3, rmsOutputError: 0 });
    expect(drop.points).toBeCloseTo(200 / 3, 9);
    expect(compareOutputs([before], [after], 3, null, VALUES).drop.points).toBe(Infinity);
  });

  it('takes an output beyond all measure for an overflow', () => {
    const labels = Int32Array.of(0, 0);
    const before = scores([0, 0]);
    const after = Float32Array.of(1e22, -1e22, 1, 0);
    const { quality, drop, overflows } = compareOutputs([before], [after], 2, labels, CLASSES);
    expect(overflows).toBe(1);
    expect(quality).toMatchObject({ polynomialAccuracy: 0.5, maxOutputError: 0 });
    expect(drop.points).toBe(50);
    // Merely bad is not beyond measure; and a model that gives 0 has none.
    expect(compareOutputs([before], [Float32Array.of(500, 0, 1, 0)], 2, labels, CLASSES).overflows).toBe(0);
    expect(
      compareOutputs([new Float32Array(4)], [Float32Array.of(9, 0, 1, 0)], 2, null, CLASSES).overflows,
    ).toBe(0);
  });

  it('takes every element of a vector for a quantity of its own', () => {
    // Two elements far apart that vary by ±1 each: an error of 0.5 is half of that, whatever their distance.
    const original = Float32Array.from({ length: 80 }, (_, i) => (i % 2) * 1000 + (i % 4 < 2 ? 1 : -1));
    const off = original.map((value) => value + 0.5);
    const { drop } = compareOutputs([original], [off], 40, null, VALUES);
    expect(drop.points).toBeCloseTo(50, 3);
    expect(drop.upper).toBeCloseTo(50, 3);
  });

  it('counts the decisions of a map that change, of those that are not background', () => {
    const reading = { kind: 'decisions', channels: 1, positions: 4 } as const;
    const before = Float32Array.of(-9, -9, 2, 3, -9, -9, -9, 1);
    const after = Float32Array.of(-8, -7, 2, -1, -9, 0.5, -9, 1);
    const { drop, quality } = compareOutputs([before], [after], 2, null, reading);
    // Changed: one of two, one of two.
    expect(drop).toMatchObject({ measure: 'decisions', points: 50 });
    expect(quality.agreement).toBeNull();
    const classes = { kind: 'decisions', channels: 2, positions: 2 } as const;
    // Classes 0, 1 become 0, 0; one position is background in both.
    const scores = [Float32Array.of(5, 1, 2, 3), Float32Array.of(5, 4, 2, 3)] as const;
    expect(compareOutputs([scores[0]], [scores[1]], 1, null, classes).drop.points).toBe(100);
    const nothing = compareOutputs([scores[0]], [Float32Array.of(NaN, 1, 2, 3)], 1, null, classes);
    expect(nothing.drop.points).toBe(100);
  });

  it('widens the interval of a ratio as samples differ, and knows how many would do', () => {
    const reading = { kind: 'decisions', channels: 1, positions: 10 } as const;
    const before = new Float32Array(400).fill(1);
    const [even, uneven] = [before.slice(), before.slice()];
    // 5 % of the positions each: half a decision a sample, or all of some.
    for (let s = 0; s < 40; s += 2) even[s * 10] = -1;
    uneven.fill(-1, 0, 20);
    const bound = (after: Float32Array) => compareOutputs([before], [after], 40, null, reading).drop;
    expect(bound(even).points).toBe(5);
    expect(bound(uneven).points).toBe(5);
    expect(bound(even).upper).toBeLessThan(7);
    expect(bound(uneven).upper).toBeGreaterThan(9);
    expect(bound(even).samplesFor(5.5)).toBeGreaterThan(100);
    expect(bound(even).samplesFor(4)).toBeNull();
  });
});
