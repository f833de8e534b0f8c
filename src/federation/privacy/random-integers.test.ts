import { describe, expect, it } from 'vitest';
import { RandomIntegers, seededBytes } from './random-integers.ts';

/** Digits of 52 bits, the last one over and over. */
function scripted(...digits: readonly bigint[]): RandomIntegers {
  return new RandomIntegers((bytes) => {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (let i = 0; i < words.length / 2; i++) {
      const digit = digits[Math.min(i, digits.length - 1)]!;
      words[2 * i] = Number(digit >> 32n);
      words[2 * i + 1] = Number(digit & 0xffffffffn);
    }
  });
}

const DIGIT = 1n << 52n;

describe('tosses', () => {
  // 1/3 = 0.010101…₂, 2/3 = 0.101010…₂: every digit of 52 bits is the same.
  it.each([
    [1n, 3n],
    [2n, 3n],
    [5n, 7n],
  ])('of %d / %d are decided by the first digit that differs from the quotient', (numerator, denominator) => {
    const digits = [DIGIT * numerator, DIGIT ** 2n * numerator, DIGIT ** 3n * numerator].map(
      (shifted) => (shifted / denominator) % DIGIT,
    );
    const toss = (...drawn: readonly bigint[]): boolean =>
      scripted(...drawn).toss(Number(numerator) / Number(denominator), 2 ** -49, () => [
        numerator,
        denominator,
      ]);
    for (const [last, outcome] of [
      [-1n, true],
      [1n, false],
    ] as const) {
      for (const at of [0, 1, 2]) expect(toss(...digits.slice(0, at), digits[at]! + last, 0n)).toBe(outcome);
    }
    // Beyond the last digit of a quotient that ends there is nothing below it.
    expect(scripted(DIGIT / 2n, 0n).toss(0.5, 2 ** -49, () => [1n, 2n])).toBe(false);
  });

  it('are certain or impossible at 1 and 0', () => {
    for (const drawn of [0n, DIGIT - 1n]) {
      expect(scripted(drawn).toss(1, 2 ** -49, () => [1n, 1n])).toBe(true);
      expect(scripted(drawn).toss(0, 2 ** -49, () => [0n, 1n])).toBe(false);
    }
  });
});

describe('integers below a bound', () => {
  it.each([1, 2, 3, 10, 2 ** 32, 2 ** 32 + 1, 3 * 2 ** 40, 2 ** 52])('are uniform: %i', (bound) => {
    const random = new RandomIntegers(seededBytes(`below ${bound}`));
    const parts = Math.min(bound, 10);
    const counts = new Float64Array(parts);
    for (let i = 0; i < 20_000; i++) {
      const drawn = random.below(bound);
      expect(Number.isInteger(drawn) && drawn >= 0 && drawn < bound).toBe(true);
      counts[Math.floor((drawn / bound) * parts)]!++;
    }
    const share = 20_000 / parts;
    for (const count of counts) expect(Math.abs(count - share)).toBeLessThanOrEqual(4.5 * Math.sqrt(share));
  });

  it('are drawn again where a remainder would be likelier', () => {
    // 2^32 − 1 is the one word that leaves no whole multiple of 3.
    expect(scripted((0xfffffn << 32n) | 0xffffffffn, 5n).below(1)).toBe(0);
    const random = new RandomIntegers((bytes) => {
      const words = new Uint32Array(bytes.buffer);
      words.fill(7);
      words[0] = 0xffffffff;
    });
    expect(random.below(3)).toBe(1);
  });

  it.each([0, -1, 1.5, 2 ** 53])('are refused for a bound of %d', (bound) => {
    expect(() => new RandomIntegers().below(bound)).toThrow();
  });
});
