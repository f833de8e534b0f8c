/** Numbers on their way into slots and out of them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, unpack, type Layout } from './layout.ts';
import { fitsPlaintext, largestCoefficient, modulusBits } from './plaintext-capacity.ts';
import { fromSlotValues, quantise, toSlotValues } from './quantisation.ts';
import { roundingStep } from './rounding.ts';
import { fromDense, isZero, toDense } from './slot-vector.ts';

const f64 = (...values: number[]): Float64Array => Float64Array.from(values);

describe('a vector of slots', () => {
  it('is what it was made of, whichever form it has', () => {
    const entry = fc.oneof(
      { weight: 2, arbitrary: fc.constant(0) },
      fc.double({ noNaN: true, min: -9, max: 9 }),
    );
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 12 }), (values) => {
        const dense = Float64Array.from(values, (value) => value + 0);
        const vector = fromDense(dense);
        const back = toDense(vector, new Float64Array(dense.length).fill(7));
        expect(back).toEqual(dense);
        expect(isZero(vector)).toBe(values.every((value) => value === 0));
      }),
    );
  });

  it('names its slots where two thirds or less are not zero', () => {
    expect(fromDense(f64(1, 2, 0))).toEqual({ indices: Int32Array.of(0, 1), values: f64(1, 2) });
    expect(fromDense(f64(1, 2, 3, 0))).toEqual({ indices: null, values: f64(1, 2, 3, 0) });
    const dense = f64(1, 2, 3);
    expect(fromDense(dense).values).not.toBe(dense);
  });
});

describe('values in slots', () => {
  it('are multiples of a unit', () => {
    expect(toSlotValues(f64(8, -2), { unit: 4 })).toEqual(f64(2, -0.5));
    expect(fromSlotValues(f64(2, -0.5), { unit: 4 })).toEqual(f64(8, -2));
    expect(toSlotValues(f64(8), {})).toEqual(f64(8));
    expect(fromSlotValues(f64(8), {})).toEqual(f64(8));
  });

  it('are integers within their range in exact schemes', () => {
    const quantisation = { scale: 0.5, min: -3, max: 4 };
    expect(quantise(f64(0.7, -0.7, 9, -9, -0.1), quantisation)).toEqual(f64(1, -1, 4, -3, 0));
    expect(toSlotValues(f64(4), { unit: 4, quantisation })).toEqual(f64(2));
    expect(fromSlotValues(f64(3, -3), { quantisation: { scale: 0.5 } })).toEqual(f64(1.5, -1.5));
    expect(quantise(f64(0.7), undefined)).toEqual(f64(0.7));
  });

  it('stand where their layout says, in every copy', () => {
    const layout: Layout = {
      shape: [3],
      slotCount: 4,
      ciphertexts: 1,
      period: 2,
      positions: Int32Array.of(1, 2),
      format: 'test',
    };
    expect(pack(layout, [5, 7])).toEqual([f64(7, 5, 7, 5)]);
    expect(unpack(layout, [f64(1, 2, 3, 4)])).toEqual(f64(2, 3));
    const wide = { ...layout, ciphertexts: 2, period: 4, positions: Int32Array.of(6, 1) };
    expect(pack(wide, [5, 7])).toEqual([f64(0, 7, 0, 0), f64(0, 0, 5, 0)]);
    expect(unpack(wide, [f64(1, 2, 3, 4), f64(5, 6, 7, 8)])).toEqual(f64(7, 2));
  });

  it('are rounded to a power of two that their bits leave', () => {
    expect(roundingStep(1, 8)).toBe(2 ** -7);
    expect(roundingStep(3, 8)).toBe(2 ** -6);
    expect(roundingStep(4, 8.5)).toBe(2 ** -6);
  });
});

describe('a plaintext', () => {
  it('holds what is below its modulus, a bit for the sign', () => {
    const primes = { dataPrimes: [257n, 17n, 5n] };
    expect([0, 1, 2].map((level) => modulusBits(primes, level))).toEqual([9, 13, 15]);
    expect(fitsPlaintext(1, 1)).toBe(true);
    expect(fitsPlaintext(2 ** 7, 9)).toBe(true);
    expect(fitsPlaintext(2 ** 7 + 1, 9)).toBe(false);
    expect(fitsPlaintext(2 ** 8, 9)).toBe(false);
  });

  it('has no coefficient above the mean of its slots', () => {
    expect(largestCoefficient(-3, 8)).toBe(3);
    expect(largestCoefficient({ indices: null, values: f64(1, -3) }, 2)).toBe(2);
    expect(largestCoefficient({ indices: Int32Array.of(1), values: f64(-4) }, 8)).toBe(0.5);
  });
});
