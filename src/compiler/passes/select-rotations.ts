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
  /** Of all Galois keys, those that are held anyway among them; null for no limit. */
  readonly maxKeyBytes: number | null;
  /** Left out where there are none. */
  readonly held?: HeldKeys;
  /** Of the whole program. */
  readonly latencyMs: number;
}

/** Galois keys that a program has whichever of its rotations use them: those of its refreshes. */
export interface HeldKeys {
  /** The level that each serves, by step. */
  readonly levels: ReadonlyMap<number, number>;
  /** Of all of them, in memory, and of what else counts as Galois keys. */
  readonly bytes: number;
}

export interface RotationKeys {
  /** Ascending, in 1 … slotCount − 1. */
  readonly steps: readonly number[];
  readonly table: RoutingTable;
  /** Latency of all rotations. */
  readonly rotationMs: number;
}

const NONE_HELD: HeldKeys = { levels: new Map(), bytes: 0 };
/** Key sets of last resort: powers of these, and what is held anyway. */
const RADICES = [2, 4, 8, 16];
const REFINEMENTS = 3;

/** @throws CompileError KEY_BUDGET_TOO_SMALL */
export function selectRotations(trees: readonly RotationTree[], budget: RotationBudget): RotationKeys {
  const { slotCount, latencyMs, held = NONE_HELD } = budget;
  const added =
    (of: (level: number) => number) =>
    (step: number, level: number): number => {
      const known = held.levels.get(step);
      return known === undefined ? of(level) : of(Math.max(level, known)) - of(known);
    };
  const prices: KeyPrices = {
    slotCount,
    keyBytes: added((level) => budget.keyBytes(level)),
    keyWorthMs: added((level) => budget.keyWorth(budget.keyBytes(level)) * latencyMs + budget.keyMs(level)),
  };
  const room = budget.maxKeyBytes === null ? Infinity : budget.maxKeyBytes - held.bytes;
  const sets = startingSets(trees, prices).map((start) => refine(start, trees, prices, room));
  let best = cheapest(sets);
  if (room < Infinity) {
    const lastResorts = [...RADICES.map((radix) => powersOf(radix, slotCount)), [...held.levels.keys()]];
    const all = [...sets, ...lastResorts.map((keys) => judge(trees, keys, prices))].filter(
      ({ ms }) => ms < Infinity,
    );
    const fitting = all.filter(({ totalBytes }) => totalBytes <= room);
    if (fitting.length === 0) throw budgetError(all, room + held.bytes, held);
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

function budgetError(sets: readonly KeySet[], maxKeyBytes: number, held: HeldKeys): CompileError {
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const least = sets.reduce((best, set) => (set.totalBytes < best.totalBytes ? set : best));
  const count = new Set([...least.keys, ...held.levels.keys()]).size;
  const bytes = least.totalBytes + held.bytes;
  const ofRefreshes = held.bytes === 0 ? '' : `${megabytes(held.bytes)} of them for refreshes, `;
  return new CompileError(
    'KEY_BUDGET_TOO_SMALL',
    `the rotations need at least ${count} Galois keys of ${megabytes(bytes / count)} each, ` +
      `${megabytes(bytes)} in all, ${ofRefreshes}but only ${megabytes(maxKeyBytes)} are allowed`,
    {
      pass: 'select-rotations',
      hint: `raise --max-key-mb to ${Math.ceil(bytes / 2 ** 20)} or more`,
    },
  );
}
