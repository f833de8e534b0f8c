/**
 * Chooses the Galois keys of the whole program. It starts from a small set with which every rotation is one key switch
 * (greedy cover over all layers at once, so that layers share steps), then gives up keys as long as composing their
 * rotations from others costs next to nothing, and further until a key budget is met.
 */
import { CompileError } from '../../errors.ts';
import { distancesTo, RoutingTable, treeHops, type RotationTree } from '../linear/rotation-tree.ts';

export interface RotationBudget {
  readonly slotCount: number;
  readonly galoisKeyBytes: number;
  readonly maxKeyBytes: number | null;
  /** Of the whole program; a key is given up if that costs less than a hundredth of it. */
  readonly latencyMs: number;
}

export interface RotationKeys {
  /** Ascending, in 1 … slotCount − 1. */
  readonly steps: readonly number[];
  readonly table: RoutingTable;
  /** Latency of all rotations. */
  readonly rotationMs: number;
}

/** Part of the program's latency that one key less may cost. */
const KEY_WORTH = 0.01;
/** Key sets of last resort: powers of these. */
const RADICES = [2, 4, 8, 16];

/** @throws CompileError KEY_BUDGET_TOO_SMALL */
export function selectRotations(trees: readonly RotationTree[], budget: RotationBudget): RotationKeys {
  const { slotCount, galoisKeyBytes, maxKeyBytes } = budget;
  const limit = maxKeyBytes === null ? Infinity : Math.floor(maxKeyBytes / galoisKeyBytes);
  let keys = prune(coverSteps(trees, slotCount), trees, budget, limit);
  if (maxKeyBytes !== null) {
    const sets = [keys, ...RADICES.map((radix) => powersOf(radix, slotCount))].filter(
      (set) => rotationCost(trees, set, slotCount) < Infinity,
    );
    const fitting = sets.filter((set) => set.length <= limit);
    if (fitting.length === 0) throw budgetError(Math.min(...sets.map((set) => set.length)), budget);
    keys = cheapest(fitting, trees, slotCount);
  }
  const steps = [...keys].sort((a, b) => a - b);
  return {
    steps,
    table: new RoutingTable(slotCount, steps),
    rotationMs: rotationCost(trees, steps, slotCount),
  };
}

/** Greedy set cover: the distance that serves most (by cost) of the steps not yet served becomes a key. */
function coverSteps(trees: readonly RotationTree[], slotCount: number): number[] {
  const gain = new Float64Array(slotCount);
  const open: { tree: RotationTree; index: number }[] = [];
  for (const tree of trees) {
    for (let index = 0; index < tree.steps.length; index++) {
      open.push({ tree, index });
      for (const distance of distancesTo(tree, index)) gain[distance]! += tree.rotateMs;
    }
  }
  const keys: number[] = [];
  let left = open;
  while (left.length > 0) {
    let best = 0;
    for (let distance = 1; distance < slotCount; distance++) {
      // Equal gains: a power of two is more likely to help others.
      const bonus = (distance & (distance - 1)) === 0 ? 1e-9 : 0;
      if (gain[distance]! + bonus > gain[best]! * (1 + 1e-12) + 1e-10) best = distance;
    }
    keys.push(best);
    const rest: typeof open = [];
    for (const entry of left) {
      let served = false;
      for (const distance of distancesTo(entry.tree, entry.index)) if (distance === best) served = true;
      if (!served) rest.push(entry);
      else {
        for (const distance of distancesTo(entry.tree, entry.index)) gain[distance]! -= entry.tree.rotateMs;
      }
    }
    gain[best] = 0;
    left = rest;
  }
  return keys;
}

/** Removes the key whose loss costs least, while that is nearly free or there are more than `limit`. */
function prune(
  start: readonly number[],
  trees: readonly RotationTree[],
  budget: RotationBudget,
  limit: number,
): number[] {
  const { slotCount } = budget;
  let keys = [...start];
  let cost = rotationCost(trees, keys, slotCount);
  // The loss of a key only grows as others disappear, so earlier figures bound it from below.
  const loss = new Map(keys.map((key) => [key, 0]));
  while (keys.length > 0) {
    const queue = [...keys].sort((a, b) => loss.get(a)! - loss.get(b)! || b - a);
    let best: number | null = null;
    let least = Infinity;
    for (const key of queue) {
      if (loss.get(key)! >= least) break;
      const without = keys.filter((other) => other !== key);
      const extra = rotationCost(trees, without, slotCount) - cost;
      loss.set(key, extra);
      if (extra < least) {
        least = extra;
        best = key;
      }
    }
    if (best === null || (keys.length <= limit && least > KEY_WORTH * budget.latencyMs)) break;
    const removed = best;
    keys = keys.filter((key) => key !== removed);
    cost += least;
  }
  return keys;
}

/** Most distances are two keys apart at most; only if that does not do, the whole group is searched. */
function rotationCost(trees: readonly RotationTree[], keys: readonly number[], slotCount: number): number {
  for (const maxHops of [2, undefined]) {
    const table = new RoutingTable(slotCount, keys, maxHops);
    let cost = 0;
    for (const tree of trees) cost += tree.steps.length === 0 ? 0 : tree.rotateMs * treeHops(tree, table);
    if (cost < Infinity) return cost;
  }
  return Infinity;
}

function powersOf(radix: number, slotCount: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power < slotCount; power *= radix) powers.push(power);
  return powers;
}

function cheapest(
  sets: readonly (readonly number[])[],
  trees: readonly RotationTree[],
  slotCount: number,
): number[] {
  const costs = sets.map((set) => rotationCost(trees, set, slotCount));
  return [...sets[costs.indexOf(Math.min(...costs))]!];
}

function budgetError(fewest: number, budget: RotationBudget): CompileError {
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const { galoisKeyBytes, maxKeyBytes } = budget;
  return new CompileError(
    'KEY_BUDGET_TOO_SMALL',
    `the rotations need at least ${fewest} Galois keys of ${megabytes(galoisKeyBytes)} each, ` +
      `${megabytes(fewest * galoisKeyBytes)} in all, but only ${megabytes(maxKeyBytes ?? 0)} are allowed`,
    {
      pass: 'select-rotations',
      hint: `raise --max-key-mb to ${Math.ceil((fewest * galoisKeyBytes) / 2 ** 20)} or more`,
    },
  );
}
