/**
 * Chooses the Galois keys of the whole program. It starts from a small set with which every rotation is one key switch
 * (greedy cover over all layers at once, so that layers share steps), adds keys where they make trees flatter and that pays
 * (on backends that hoist), then gives up keys as long as composing their rotations from others costs less than they are
 * worth, and further until a key budget is met.
 */
import { CompileError } from '../../errors.ts';
import {
  coverSteps,
  growKeys,
  judge,
  pruneKeys,
  swapKeys,
  type KeyPrices,
  type KeySet,
} from '../linear/key-search.ts';
import { RoutingTable, type RotationTree } from '../linear/rotation-tree.ts';

export interface RotationBudget {
  readonly slotCount: number;
  /** Bytes of a key, in memory, that serves ciphertexts at `level` and below. */
  keyBytes(level: number): number;
  /** Part of the program's latency that getting rid of a key of so many bytes is worth. */
  keyWorth(bytes: number): number;
  /** What such a key costs an inference, in milliseconds; see `key-price.ts`. */
  keyMs(level: number): number;
  readonly maxKeyBytes: number | null;
  /** Of the whole program. */
  readonly latencyMs: number;
}

export interface RotationKeys {
  /** Ascending, in 1 … slotCount − 1. */
  readonly steps: readonly number[];
  readonly table: RoutingTable;
  /** Latency of all rotations. */
  readonly rotationMs: number;
}

/** Key sets of last resort: powers of these. */
const RADICES = [2, 4, 8, 16];
const REFINEMENTS = 3;

/** @throws CompileError KEY_BUDGET_TOO_SMALL */
export function selectRotations(trees: readonly RotationTree[], budget: RotationBudget): RotationKeys {
  const { slotCount, maxKeyBytes, latencyMs } = budget;
  const prices: KeyPrices = {
    slotCount,
    keyBytes: (level) => budget.keyBytes(level),
    keyWorthMs: (level) => budget.keyWorth(budget.keyBytes(level)) * latencyMs + budget.keyMs(level),
  };
  const sets = startingSets(trees, prices).map((start) =>
    refine(start, trees, prices, maxKeyBytes ?? Infinity),
  );
  let best = cheapest(sets);
  if (maxKeyBytes !== null) {
    const all = [...sets, ...RADICES.map((radix) => judge(trees, powersOf(radix, slotCount), prices))].filter(
      ({ ms }) => ms < Infinity,
    );
    const fitting = all.filter(({ totalBytes }) => totalBytes <= maxKeyBytes);
    if (fitting.length === 0) throw budgetError(all, maxKeyBytes);
    best = cheapest(fitting);
  }
  const steps = [...best.keys].sort((a, b) => a - b);
  return { steps, table: new RoutingTable(slotCount, steps), rotationMs: best.ms };
}

/** Where branches cost nothing, one key per difference is best; else also one per step, and what lies between. */
function startingSets(trees: readonly RotationTree[], prices: KeyPrices): (readonly number[])[] {
  const differences = coverSteps(trees, prices.slotCount);
  if (trees.every(({ branchMs }) => branchMs === 0)) return [differences];
  const flat = trees.map((tree) => ({ ...tree, direct: tree.direct || tree.branchMs > 0 }));
  return [growKeys(differences, trees, prices), coverSteps(flat, prices.slotCount)];
}

/** Prunes; where branches cost, other keys may pay after that, and make some of the old ones worthless. */
function refine(
  start: readonly number[],
  trees: readonly RotationTree[],
  prices: KeyPrices,
  maxBytes: number,
): KeySet {
  let best = judge(trees, pruneKeys(start, trees, prices, maxBytes), prices);
  if (trees.every(({ branchMs }) => branchMs === 0)) return best;
  for (let round = 0; round < REFINEMENTS; round++) {
    const swapped = swapKeys(best.keys, trees, prices);
    const next = judge(trees, pruneKeys(swapped, trees, prices, maxBytes), prices);
    if (next.cost >= best.cost && best.totalBytes <= maxBytes) break;
    best = next;
  }
  return best;
}

function powersOf(radix: number, slotCount: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power < slotCount; power *= radix) powers.push(power);
  return powers;
}

function cheapest(sets: readonly KeySet[]): KeySet {
  return sets.reduce((best, set) => (set.cost < best.cost ? set : best));
}

function budgetError(sets: readonly KeySet[], maxKeyBytes: number): CompileError {
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const least = sets.reduce((best, set) => (set.totalBytes < best.totalBytes ? set : best));
  const count = least.keys.length;
  return new CompileError(
    'KEY_BUDGET_TOO_SMALL',
    `the rotations need at least ${count} Galois keys of ${megabytes(least.totalBytes / count)} each, ` +
      `${megabytes(least.totalBytes)} in all, but only ${megabytes(maxKeyBytes)} are allowed`,
    {
      pass: 'select-rotations',
      hint: `raise --max-key-mb to ${Math.ceil(least.totalBytes / 2 ** 20)} or more`,
    },
  );
}
