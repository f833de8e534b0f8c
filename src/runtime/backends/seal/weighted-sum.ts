/** Σ ciphertext · number on node-seal, by additions alone: see `addition-chains.ts`. */
import type { Ciphertext, Evaluator } from 'node-seal';
import type { WeightedTerm } from '../../../program/semantics/slot-algebra.ts';
import {
  accumulatorCount,
  bestWidth,
  signedDigits,
  spareBits,
} from '../../../program/semantics/addition-chains.ts';

/** What the sum is made with; `C` is a ciphertext that can be written over. */
export interface Adder<C> {
  /** accumulator ← ±term */
  set(accumulator: C, term: C, negative: boolean): void;
  /** accumulator ← accumulator ± term */
  add(accumulator: C, term: C, negative: boolean): void;
}

/** A sum with weights as integers, of which `shift` low bits, the same for all, were rounded away. */
export interface IntegerSum<C> {
  readonly terms: readonly { readonly ciphertext: C; readonly weight: number }[];
  readonly shift: number;
  readonly width: number;
}

/** Integers beyond this are not exact. */
const MAX_WEIGHT = 2 ** 52;

/** Null where every weight rounds to zero. */
export function integerSum<C>(terms: readonly WeightedTerm<C>[], slotCount: number): IntegerSum<C> | null {
  const largest = terms.reduce(
    (most, { weight, plainScale }) => Math.max(most, Math.abs(weight) * plainScale),
    0,
  );
  let shift = spareBits(slotCount);
  while (largest >= MAX_WEIGHT * 2 ** shift) shift++;
  const integers = terms
    .map(({ ciphertext, weight, plainScale }) => ({
      ciphertext,
      weight: Math.round((weight * plainScale) / 2 ** shift),
    }))
    .filter(({ weight }) => weight !== 0);
  if (integers.length === 0) return null;
  const bits = Math.ceil(Math.log2(largest / 2 ** shift + 1));
  return { terms: integers, shift, width: bestWidth(integers.length, bits) };
}

/**
 * Leaves the sum in the first of `accumulators`; there must be `accumulatorCount(width)` of them, which are written over.
 */
export function addUp<C>(
  { terms, shift, width }: IntegerSum<C>,
  accumulators: readonly C[],
  adder: Adder<C>,
): void {
  const started = new Uint8Array(accumulatorCount(width));
  const put = (index: number, term: C, negative: boolean): void => {
    if (started[index] === 1) adder.add(accumulators[index]!, term, negative);
    else adder.set(accumulators[index]!, term, negative);
    started[index] = 1;
  };
  for (const entries of digitsByPlace(terms, width).reverse()) {
    for (const [index, accumulator] of accumulators.entries()) {
      if (started[index] === 1) adder.add(accumulator, accumulator, false);
    }
    for (const { ciphertext, digit } of entries) put((Math.abs(digit) - 1) / 2, ciphertext, digit < 0);
  }
  // With the sums S_i = A_i + A_{i+1} + … , Σ (2i + 1) A_i = S_0 + 2 (S_1 + S_2 + …).
  const top = started.lastIndexOf(1);
  for (let i = top; i > 0; i--) put(i - 1, accumulators[i]!, false);
  const last = accumulators[top]!;
  for (let i = top - 1; i > 0; i--) adder.add(last, accumulators[i]!, false);
  const first = accumulators[0]!;
  if (top > 0) {
    adder.add(last, last, false);
    adder.add(first, last, false);
  }
  for (let i = 0; i < shift; i++) adder.add(first, first, false);
}

interface PlacedTerm<C> {
  readonly ciphertext: C;
  readonly digit: number;
}

/** Terms whose weight has a digit at a place, lowest place first. */
function digitsByPlace<C>(terms: IntegerSum<C>['terms'], width: number): PlacedTerm<C>[][] {
  const places: PlacedTerm<C>[][] = [];
  for (const { ciphertext, weight } of terms) {
    for (const { place, digit } of signedDigits(weight, width)) {
      while (places.length <= place) places.push([]);
      places[place]!.push({ ciphertext, digit });
    }
  }
  return places;
}

/** Summands stand at scales of their own; SEAL only adds what claims the same one. */
export function makeAdder(evaluator: Evaluator, checkpoint: () => void): Adder<Ciphertext> {
  return {
    set(accumulator, term, negative) {
      accumulator.assign(term);
      if (negative) evaluator.negateInplace(accumulator);
    },
    add(accumulator, term, negative) {
      checkpoint();
      if (accumulator !== term) accumulator.setScale(term.scale());
      if (negative) evaluator.subInplace(accumulator, term);
      else evaluator.addInplace(accumulator, term);
    },
  };
}
