/**
 * Probability that `terms` independent uniform numbers in ±1/2 have a sum above `bound`, a multiple of 1/4 (Irwin and Hall). The
 * alternating sum cancels but for its last digits, so it is taken in integers: with c = 4 (terms / 2 − bound) it is
 * Σ (−1)^k C(terms, k) (c − 4k)^terms / (4^terms · terms!) over 4k < c.
 */
export function irwinHallTail(terms: number, bound: number): number {
  const most = 2 * terms - 4 * bound;
  let sum = 0n;
  let choices = 1n;
  let whole = 1n;
  for (let k = 0; k < terms; k++) {
    const term = choices * BigInt(Math.max(0, most - 4 * k)) ** BigInt(terms);
    sum += k % 2 === 0 ? term : -term;
    choices = (choices * BigInt(terms - k)) / BigInt(k + 1);
    whole *= 4n * BigInt(k + 1);
  }
  return Number((sum << 256n) / whole) / 2 ** 256;
}
