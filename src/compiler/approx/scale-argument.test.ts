import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateChebyshev } from './chebyshev.ts';
import { chebyshevOfPower, MOST_SCALED_DEGREE, scaleArgument, scaleUnitLeading } from './scale-argument.ts';

const coefficient = fc.double({ min: -1, max: 1, noNaN: true });
const exponent = fc.integer({ min: -12, max: 12 });
const POINTS = Array.from({ length: 33 }, (_, i) => i / 16 - 1);

const single = (values: readonly number[]): Float64Array[] => values.map((value) => Float64Array.of(value));
const unwrapped = (values: readonly Float64Array[]): number[] => values.map(([value]) => value!);

/** Largest |a − b| over the points, of the largest |b|. */
function gap(a: (t: number) => number, b: (t: number) => number): number {
  const largest = Math.max(...POINTS.map((t) => Math.abs(b(t))));
  return Math.max(...POINTS.map((t) => Math.abs(a(t) - b(t)))) / (largest || 1);
}

it.each([0, 1, 2, 8, MOST_SCALED_DEGREE])('writes t to the power %i as a series', (power) => {
  const series = chebyshevOfPower(power);
  expect(series).toHaveLength(power + 1);
  for (const t of [...POINTS, 1.5]) expect(evaluateChebyshev(series, t)).toBeCloseTo(t ** power, 9);
});

describe('scaleArgument', () => {
  it('computes the same of an argument in a larger unit', () => {
    fc.assert(
      fc.property(
        fc.array(coefficient, { minLength: 1, maxLength: MOST_SCALED_DEGREE + 1 }),
        fc.integer({ min: 2, max: 12 }),
        (c, bits) => {
          const q = unwrapped(scaleArgument(single(c), 2 ** bits));
          expect(
            gap(
              (t) => evaluateChebyshev(q, t),
              (t) => evaluateChebyshev(c, 2 ** bits * t),
            ),
          ).toBeLessThan(1e-10);
        },
      ),
      { seed: 1 },
    );
  });

  it.each([-40, -3, 3, 40])('makes x³ of x³ and nothing else, in the unit 2^%i', (bits) => {
    const q = unwrapped(scaleArgument(single([0, 0.75, 0, 0.25]), 2 ** bits));
    expect(q).toEqual([0, 0.75, 0, 0.25].map((c) => c * 2 ** (3 * bits)));
  });

  it('keeps coefficients of each element apart from those of all', () => {
    const q = scaleArgument([Float64Array.of(1), Float64Array.of(1, 2), Float64Array.of(0)], 4);
    expect(q.map((values) => [...values])).toEqual([
      [1, 1],
      [4, 8],
      [0, 0],
    ]);
  });
});

describe('scaleUnitLeading', () => {
  it('leaves the square of T_{d/2} without a coefficient', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2, 4, 8, 16).chain((d) => fc.array(coefficient, { minLength: d, maxLength: d })),
        exponent,
        (c, bits) => {
          const s = 2 ** bits;
          const half = [...new Array<number>(c.length / 2).fill(0), 1];
          const q = unwrapped(scaleUnitLeading(single(c), s));
          const wanted = (t: number): number =>
            (evaluateChebyshev(half, s * t) ** 2 + evaluateChebyshev(c, s * t)) * s ** -c.length;
          const found = (t: number): number => evaluateChebyshev(half, t) ** 2 + evaluateChebyshev(q, t);
          expect(gap(found, wanted)).toBeLessThan(1e-10);
        },
      ),
      { seed: 1 },
    );
  });

  it('makes x⁴ of x⁴', () => {
    // x⁴ = (T_4 + 4 T_2 + 3) / 8 = [T_2² + 2 T_2 + 1] / 4.
    expect(unwrapped(scaleUnitLeading(single([1, 0, 2, 0]), 2 ** -30))).toEqual([1, 0, 2, 0]);
  });
});
