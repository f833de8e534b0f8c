import { describe, expect, it } from 'vitest';
import { losesTerms, POWERS, TERM_SIZES } from './series-arithmetic.ts';

const SERIES = {
  constantOf: (value: number) => [POWERS, TERM_SIZES].map(({ scale }) => scale(Float64Array.of(1), value)),
  x: [Float64Array.of(0, 1), Float64Array.of(0, 1)],
};
type Both = Float64Array[];
const add = ([a, b]: Both, [c, d]: Both, factor: number): Both => [
  POWERS.add(a!, c!, factor),
  TERM_SIZES.add(b!, d!, factor),
];
const multiply = ([a, b]: Both, [c, d]: Both): Both => [POWERS.multiply(a!, c!), TERM_SIZES.multiply(b!, d!)];
const loses = ([powers, sizes]: Both): boolean => losesTerms(powers!, sizes!);

describe('losesTerms', () => {
  const { x, constantOf } = SERIES;
  const square = multiply(x, x);

  it('finds a term far below one of a higher power of the same parity', () => {
    expect(loses(add(square, constantOf(2 ** -34), 1))).toBe(true);
    expect(loses(add(square, constantOf(2 ** -32), -1))).toBe(false);
    expect(loses(add(square, multiply(x, constantOf(2 ** -60)), 1))).toBe(false);
    expect(loses(add(multiply(square, x), multiply(x, constantOf(-(2 ** -60))), 1))).toBe(true);
  });

  it('takes what is left of terms that cancel for zero', () => {
    // (x² + 1/3)·3 − 1 − 3 x⁴ has a constant of rounding only.
    const third = multiply(add(square, constantOf(1 / 3 + 2 ** -52), 1), constantOf(3));
    const cancelled = add(add(third, constantOf(1), -1), multiply(square, square), -3);
    expect(cancelled[0]![0]).not.toBe(0);
    expect(loses(cancelled)).toBe(false);
  });
});
