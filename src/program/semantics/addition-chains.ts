/**
 * Sums of ciphertexts with one integer weight each, by additions alone. On an engine whose products with plaintexts cost twenty
 * additions, an addition for every few bits of a weight is much cheaper than a product.
 *
 * Weights are written in signed digits: a non-adjacent form of width w has odd digits below 2^(w−1) in magnitude, of which one
 * in w + 1 is not zero (Solinas, "Efficient arithmetic on Koblitz curves", 2000). All terms with the same digit at the same
 * place are added into one accumulator per digit (the buckets of Pippenger, 1976), the accumulators are doubled from place to
 * place, and combined at the end.
 */

/** A digit that is not zero: odd, at 2^place. */
export interface SignedDigit {
  readonly place: number;
  readonly digit: number;
}

const MAX_WIDTH = 8;

/** Non-adjacent form of an integer below 2^52 in magnitude, lowest place first. */
export function signedDigits(weight: number, width: number): SignedDigit[] {
  const digits: SignedDigit[] = [];
  const base = 2 ** width;
  let rest = weight;
  for (let place = 0; rest !== 0; place++) {
    if (rest % 2 !== 0) {
      let digit = rest % base;
      if (digit < 0) digit += base;
      if (digit > base / 2) digit -= base;
      digits.push({ place, digit });
      rest -= digit;
    }
    rest /= 2;
  }
  return digits;
}

/** Accumulators of a width: one for each odd digit 1, 3, … */
export function accumulatorCount(width: number): number {
  return 2 ** (width - 2);
}

/** Expected additions for so many terms with weights of so many bits. */
export function additionCount(terms: number, bits: number, width: number): number {
  const accumulators = accumulatorCount(width);
  const adding = (terms * bits) / (width + 1);
  // An accumulator that no term has reached yet costs nothing.
  const used = Math.min(accumulators, adding);
  return adding + used * bits + 2 * used;
}

/** The width with the least additions. */
export function bestWidth(terms: number, bits: number): number {
  let best = 2;
  for (let width = 3; width <= MAX_WIDTH; width++) {
    if (additionCount(terms, bits, width) < additionCount(terms, bits, best)) best = width;
  }
  return best;
}

/**
 * Low bits of a weight at its scale that may be rounded away. An encoded vector has an error of variance N/12 in each slot, a
 * rounded weight one of 4^bits / 12: with these, a weight is as precise as a vector.
 */
export function spareBits(slotCount: number): number {
  return Math.floor(Math.log2(2 * slotCount) / 2);
}
