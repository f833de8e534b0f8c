/** Norms of integer vectors without rounding: the bound that privacy rests on is kept to the last digit. */

/** Sums of products of 16-bit halves stay exact in doubles over so many elements. */
const RUN = 65_536;

export class ExactNorm {
  readonly #norm: 'l1' | 'l2';
  #total = 0n;

  constructor(norm: 'l1' | 'l2') {
    this.#norm = norm;
  }

  add(block: Int32Array): void {
    for (let start = 0; start < block.length; start += RUN) {
      const run = block.subarray(start, start + RUN);
      this.#total += this.#norm === 'l1' ? sumOfMagnitudes(run) : sumOfSquares(run);
    }
  }

  /** @param bound an integer ≥ 0 */
  exceeds(bound: number): boolean {
    return this.#total > (this.#norm === 'l1' ? BigInt(bound) : BigInt(bound) ** 2n);
  }
}

function sumOfMagnitudes(run: Int32Array): bigint {
  let sum = 0;
  for (const value of run) sum += Math.abs(value);
  return BigInt(sum);
}

function sumOfSquares(run: Int32Array): bigint {
  let [high, mixed, low] = [0, 0, 0];
  for (const value of run) {
    const upper = value >> 16;
    const lower = value & 0xffff;
    high += upper * upper;
    mixed += upper * lower;
    low += lower * lower;
  }
  return (BigInt(high) << 32n) + (BigInt(mixed) << 17n) + BigInt(low);
}
