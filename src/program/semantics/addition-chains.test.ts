import { describe, expect, it } from 'vitest';
import { seededRandom } from '../testing/random-instructions.ts';
import { additionCount, bestWidth, signedDigits, spareBits } from './addition-chains.ts';

describe('signed digits', () => {
  const random = seededRandom(1);
  const weights = [1, -1, 2, 3, -7, 2 ** 51 + 1, -(2 ** 52) + 1].concat(
    Array.from({ length: 200 }, () => Math.round((random() - 0.5) * 2 ** 40)),
  );

  it.each([2, 3, 5, 8])('of width %i make up the weight, are odd, small and far apart', (width) => {
    for (const weight of weights) {
      const digits = signedDigits(weight, width);
      // Exactly: some intermediate sums are beyond 2^53.
      const value = digits.reduce((sum, { place, digit }) => sum + (BigInt(digit) << BigInt(place)), 0n);
      expect(value).toBe(BigInt(weight));
      digits.forEach(({ place, digit }, i) => {
        expect(Math.abs(digit % 2)).toBe(1);
        expect(Math.abs(digit)).toBeLessThan(2 ** (width - 1));
        expect(place).toBeGreaterThanOrEqual(i === 0 ? 0 : digits[i - 1]!.place + width);
      });
    }
  });

  it('of nothing are none', () => {
    expect(signedDigits(0, 4)).toEqual([]);
  });
});

describe('width', () => {
  it('grows with the number of terms, and never costs more than the plain binary form', () => {
    const widths = [1, 10, 100, 1000].map((terms) => bestWidth(terms, 28));
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(widths[3]).toBeGreaterThan(widths[0]!);
    for (const terms of [1, 25, 845]) {
      expect(additionCount(terms, 28, bestWidth(terms, 28))).toBeLessThanOrEqual(additionCount(terms, 28, 2));
    }
  });
});

it('spare bits leave a weight as precise as an encoded vector', () => {
  for (const slotCount of [4096, 8192, 16384]) {
    const variance = 4 ** spareBits(slotCount) / 12;
    expect(variance).toBeLessThanOrEqual((2 * slotCount) / 12);
    expect(4 * variance).toBeGreaterThan((2 * slotCount) / 12);
  }
});
