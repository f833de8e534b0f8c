import { describe, expect, it } from 'vitest';
import { accumulatorCount } from '../../../program/semantics/addition-chains.ts';
import { seededRandom } from '../../../program/testing/random-instructions.ts';
import type { Adder } from './weighted-sum.ts';
import { addUp, integerSum } from './weighted-sum.ts';

const SLOTS = 8192;
const PLAIN_SCALE = 2 ** 34 - 12345;

interface Cell {
  value: bigint;
}

/** Integers in the place of ciphertexts, of which additions are counted. */
function countingAdder(): { adder: Adder<Cell>; additions: () => number } {
  let additions = 0;
  return {
    adder: {
      set: (accumulator, term, negative) => (accumulator.value = negative ? -term.value : term.value),
      add(accumulator, term, negative) {
        accumulator.value += negative ? -term.value : term.value;
        additions++;
      },
    },
    additions: () => additions,
  };
}

function run(weights: readonly number[]): { sum: number; exact: number; additions: number } | null {
  const random = seededRandom(weights.length);
  const cells = weights.map((): Cell => ({ value: BigInt(Math.round(random() * 2 ** 30)) }));
  const terms = weights.map((weight, i) => ({ ciphertext: cells[i]!, weight, plainScale: PLAIN_SCALE }));
  const sum = integerSum(terms, SLOTS);
  if (sum === null) return null;
  const { adder, additions } = countingAdder();
  // Whatever stood in the accumulators before must not matter.
  const accumulators = Array.from({ length: accumulatorCount(sum.width) }, (): Cell => ({ value: 12345n }));
  addUp(sum, accumulators, adder);
  const exact = weights.reduce((total, weight, i) => total + weight * Number(cells[i]!.value), 0);
  return { sum: Number(accumulators[0]!.value) / PLAIN_SCALE, exact, additions: additions() };
}

describe('weighted sums by additions', () => {
  it.each([1, 2, 7, 25, 300])('of %i terms are as precise as encoded vectors', (count) => {
    const random = seededRandom(count);
    const weights = Array.from({ length: count }, () => 4 * random() - 2);
    const { sum, exact } = run(weights)!;
    // Each weight is off by at most half of √N units in the last place.
    const most = (count * Math.sqrt(2 * SLOTS)) / 2 / PLAIN_SCALE;
    expect(Math.abs(sum - exact) / 2 ** 30).toBeLessThan(most);
    expect(sum).not.toBe(0);
  });

  it.each([[[0.5]], [[-1]], [[1, -1]], [[3e-8, 0.25]], [[0, 0, 0.125]]])('of %j', (weights) => {
    const { sum, exact } = run(weights)!;
    expect(Math.abs(sum - exact) / 2 ** 30).toBeLessThan(weights.length * 2 ** -27);
  });

  it('takes a few additions for each term of a long sum', () => {
    const random = seededRandom(9);
    const weights = Array.from({ length: 800 }, () => 2 * random() - 1);
    expect(run(weights)!.additions / weights.length).toBeLessThan(5.5);
  });

  it('of weights that are all too small are nothing', () => {
    expect(run([0, 1e-12])).toBeNull();
  });

  it('keep the leading bits of huge weights', () => {
    const { sum, exact } = run([2 ** 40, 3])!;
    expect(Math.abs(sum / exact - 1)).toBeLessThan(1e-12);
  });
});
