/**
 * Baby-step giant-step: every offset k is split into low = k mod m and high = k − low; one of them is the baby step
 * (rotates the input, shared by all outputs), the other the giant step (rotates a sum, shared by all inputs). Offsets
 * of convolutions are sums of a channel, a row and a column part, so the modulus is searched among those that separate
 * such parts, instead of taking √(number of offsets).
 */

/** The diagonals between one input and one output ciphertext. */
export interface Block {
  readonly input: number;
  readonly output: number;
  /** In 0 … slotCount − 1, distinct. */
  readonly offsets: Int32Array;
}

export interface Split {
  readonly modulus: number;
  readonly babies: 'low' | 'high';
}

/** Splits this close to the cheapest, and so many of them at most, are compared by their keys. */
const NEAR = 1.04;
const MOST_COMPARED = 12;

export function babyOf(split: Split, offset: number): number {
  const low = offset % split.modulus;
  return split.babies === 'low' ? low : offset - low;
}

/** Latency of so many baby steps (per input ciphertext, zero step not counted) and giant steps (of all outputs). */
export interface SplitCosts {
  babies(count: number): number;
  readonly giant: number;
  /** What one more distinct key is worth, to prefer regular step sets. */
  readonly key: number;
  /** Baby steps start from the input, each by a key of its own; otherwise from one another. */
  readonly hoisted: boolean;
}

export interface SplitResult {
  readonly split: Split;
  /** Distinct baby steps of each input ciphertext, ascending, zero included if used. */
  readonly babies: readonly (readonly number[])[];
  /** Distinct giant steps of each output ciphertext, ascending. */
  readonly giants: readonly (readonly number[])[];
  readonly rotations: number;
  /** Upper bound of the distinct Galois keys needed. */
  readonly keys: number;
}

export interface SplitPrice {
  readonly latencyMs: number;
  /** Latency plus what the keys are worth. */
  readonly cost: number;
}

/** What a split costs, at whatever level it is used. */
export function priceOf({ babies, giants, keys }: SplitResult, costs: SplitCosts): SplitPrice {
  const rotating = babies.reduce((sum, steps) => sum + costs.babies(rotationsFor(steps)), 0);
  const latencyMs = giants.reduce((sum, steps) => sum + costs.giant * rotationsFor(steps), rotating);
  return { latencyMs, cost: latencyMs + costs.key * keys };
}

/** Every modulus worth trying: small odd multiples of powers of two, and multiples of the lattice steps. */
export function moduliFor(slotCount: number, steps: readonly number[]): number[] {
  const moduli = new Set<number>();
  for (let power = 1; power <= slotCount; power *= 2) {
    for (const odd of [1, 3, 5, 7, 9, 11, 13, 15]) if (odd * power <= slotCount) moduli.add(odd * power);
  }
  for (const step of steps) {
    if ((step & (step - 1)) === 0) continue;
    for (let k = 1; k <= 16 && k * step <= slotCount; k++) moduli.add(k * step);
  }
  return [...moduli].sort((a, b) => a - b);
}

/** Searches splits; keeps its scratch memory between searches. */
export class SplitSearch {
  readonly #counter: StepCounter;

  constructor(slotCount: number) {
    this.#counter = new StepCounter(slotCount);
  }

  /** The cheapest split; the number of distinct keys decides between nearly equal ones. */
  best(
    blocks: readonly Block[],
    inputs: number,
    outputs: number,
    moduli: readonly number[],
    costs: SplitCosts,
  ): SplitResult {
    const scored: { split: Split; cost: number }[] = [];
    let least = Infinity;
    const tryOut = (split: Split): number => {
      const cost = this.#cost(blocks, inputs, outputs, split, costs, least * NEAR + costs.key);
      least = Math.min(least, cost);
      return cost;
    };
    // A good one early on spares most others being counted to the end.
    for (const modulus of moduli) {
      if (Number.isInteger(Math.log2(modulus) / 2)) tryOut({ modulus, babies: 'low' });
    }
    for (const modulus of moduli) {
      for (const babies of ['low', 'high'] as const) {
        const split = { modulus, babies };
        scored.push({ split, cost: tryOut(split) });
      }
    }
    const near = scored
      .filter(({ cost }) => cost <= least * NEAR + costs.key)
      .sort((a, b) => a.cost - b.cost)
      .slice(0, MOST_COMPARED);
    const results = near.map(({ split }): SplitResult => {
      const babies = stepLists(blocks, split, 'baby', inputs);
      const giants = stepLists(blocks, split, 'giant', outputs);
      const rotations = [...babies, ...giants].reduce((sum, steps) => sum + rotationsFor(steps), 0);
      return { split, babies, giants, rotations, keys: distinctKeys(babies, giants, costs.hoisted) };
    });
    return results.reduce((best, result) =>
      priceOf(result, costs).cost < priceOf(best, costs).cost ? result : best,
    );
  }

  /** Infinity once it is known to exceed `ceiling`. */
  #cost(
    blocks: readonly Block[],
    inputs: number,
    outputs: number,
    split: Split,
    costs: SplitCosts,
    ceiling: number,
  ): number {
    let cost = 0;
    const [open, baby] = [2 * costs.babies(1) - costs.babies(2), costs.babies(2) - costs.babies(1)];
    for (let i = 0; i < inputs; i++) {
      const most = (ceiling - cost - open) / baby;
      cost += costs.babies(this.#counter.count(blocks, split, 'baby', i, most));
      if (cost > ceiling) return Infinity;
    }
    for (let o = 0; o < outputs; o++) {
      const most = (ceiling - cost) / costs.giant;
      cost += costs.giant * this.#counter.count(blocks, split, 'giant', o, most);
      if (cost > ceiling) return Infinity;
    }
    return cost;
  }
}

function rotationsFor(steps: readonly number[]): number {
  return steps.length - (steps[0] === 0 ? 1 : 0);
}

/** Upper bound of the keys that trees over these steps need: the differences between neighbours, of stars the steps themselves. */
function distinctKeys(
  babies: readonly (readonly number[])[],
  giants: readonly (readonly number[])[],
  hoisted: boolean,
): number {
  const keys = new Set<number>();
  const add = (steps: readonly number[], fromZero: boolean): void => {
    let previous = 0;
    for (const step of steps) {
      if (step > previous) keys.add(step - previous);
      if (!fromZero) previous = step;
    }
  };
  for (const steps of babies) add(steps, hoisted);
  for (const steps of giants) add(steps, false);
  return keys.size;
}

function stepLists(
  blocks: readonly Block[],
  split: Split,
  part: 'baby' | 'giant',
  count: number,
): number[][] {
  const sets = Array.from({ length: count }, () => new Set<number>());
  for (const { input, output, offsets } of blocks) {
    const set = sets[part === 'baby' ? input : output]!;
    for (const offset of offsets) {
      const baby = babyOf(split, offset);
      set.add(part === 'baby' ? baby : offset - baby);
    }
  }
  return sets.map((set) => [...set].sort((a, b) => a - b));
}

/** Counts distinct non-zero steps without allocating, until there are clearly more than `most`. */
class StepCounter {
  readonly #seen: Int32Array;
  #stamp = 0;

  constructor(slotCount: number) {
    this.#seen = new Int32Array(slotCount);
  }

  count(
    blocks: readonly Block[],
    split: Split,
    part: 'baby' | 'giant',
    index: number,
    most = Infinity,
  ): number {
    const stamp = ++this.#stamp;
    const low = (split.babies === 'low') === (part === 'baby');
    const { modulus } = split;
    let count = 0;
    for (const block of blocks) {
      if ((part === 'baby' ? block.input : block.output) !== index) continue;
      for (const offset of block.offsets) {
        const remainder = offset % modulus;
        const step = low ? remainder : offset - remainder;
        if (step === 0 || this.#seen[step] === stamp) continue;
        this.#seen[step] = stamp;
        if (++count > most + 1) return count;
      }
    }
    return count;
  }
}
