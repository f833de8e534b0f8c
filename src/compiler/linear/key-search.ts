/** Searches sets of rotation keys with which a program's rotations are cheap: greedy cover, greedy growth, and pruning. */
import { distancesTo, growTree, RoutingTable, treeMs, type RotationTree } from './rotation-tree.ts';

/** What a set of keys is judged by. */
export interface KeyPrices {
  readonly slotCount: number;
  /** Bytes that a key for `step` adds that serves ciphertexts up to `level`: none where the program holds it anyway. */
  keyBytes(step: number, level: number): number;
  /** Milliseconds that getting rid of such a key is worth. */
  keyWorthMs(step: number, level: number): number;
}

export interface KeySet {
  readonly keys: readonly number[];
  /** Latency of all rotations. */
  readonly ms: number;
  /** The highest level that each key is used at, by step. */
  readonly levels: ReadonlyMap<number, number>;
  readonly totalBytes: number;
  /** Latency and what the keys are worth. */
  readonly cost: number;
}

/** New keys tried at a time when a set is grown: those that would serve most. */
const GROWTH_CANDIDATES = 48;

export function judge(trees: readonly RotationTree[], keys: readonly number[], prices: KeyPrices): KeySet {
  return judgeBelow(Infinity, trees, keys, prices)!;
}

/** Null where the set costs no less than `most`, which is often known before any tree is grown. */
function judgeBelow(
  most: number,
  trees: readonly RotationTree[],
  keys: readonly number[],
  prices: KeyPrices,
): KeySet | null {
  const { ms, whole } = searchRoutes(trees, keys, prices.slotCount);
  const least = keys.reduce((worth, key) => worth + prices.keyWorthMs(key, 0), ms);
  if (most < Infinity && least >= most) return null;
  // A key that nothing uses weighs what it would at the bottom; pruning drops it.
  const levels = new Map(keys.map((key) => [key, 0]));
  if (ms < Infinity) {
    const table = whole ?? new RoutingTable(prices.slotCount, keys);
    for (const tree of trees) {
      for (const { via } of growTree(tree, table)) {
        for (const step of via) levels.set(step, Math.max(levels.get(step) ?? 0, tree.level));
      }
    }
  }
  let totalBytes = 0;
  let worth = 0;
  for (const [step, level] of levels) {
    totalBytes += prices.keyBytes(step, level);
    worth += prices.keyWorthMs(step, level);
  }
  const cost = ms + worth;
  return most < Infinity && cost >= most ? null : { keys, ms, levels, totalBytes, cost };
}

interface Routes {
  /** Of all rotations; Infinity if the keys do not suffice. */
  readonly ms: number;
  /** Null where two keys were enough for every distance. */
  readonly whole: RoutingTable | null;
}

/** Most distances are two keys apart at most; only if that does not do, the whole group is searched. */
function searchRoutes(trees: readonly RotationTree[], keys: readonly number[], slotCount: number): Routes {
  const msBy = (table: RoutingTable): number => trees.reduce((ms, tree) => ms + treeMs(tree, table), 0);
  const ms = msBy(new RoutingTable(slotCount, keys, 2));
  if (ms < Infinity) return { ms, whole: null };
  const whole = new RoutingTable(slotCount, keys);
  return { ms: msBy(whole), whole };
}

/** Greedy set cover: the distance that serves most (by cost) of the steps not yet served becomes a key. */
export function coverSteps(trees: readonly RotationTree[], slotCount: number): number[] {
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

/**
 * Adds keys as long as one saves more than it is worth: where branches cost, more keys make flatter trees. Candidates are the
 * distances that would serve most steps.
 */
export function growKeys(
  start: readonly number[],
  trees: readonly RotationTree[],
  prices: KeyPrices,
): readonly number[] {
  let current = judge(trees, start, prices);
  const tried = new Set(start);
  const candidates = frequentDistances(trees, prices.slotCount).filter((distance) => !tried.has(distance));
  for (let at = 0; at < candidates.length;) {
    const batch = candidates.slice(at, at + GROWTH_CANDIDATES);
    let best = current;
    for (const distance of batch) {
      best = judgeBelow(best.cost, trees, [...current.keys, distance], prices) ?? best;
    }
    if (best === current) at += GROWTH_CANDIDATES;
    else {
      candidates.splice(candidates.indexOf(best.keys.at(-1)!), 1);
      current = best;
    }
    if (at >= 2 * GROWTH_CANDIDATES) break;
  }
  return current.keys;
}

/** Replaces single keys by others, or adds one, as long as that pays. */
export function swapKeys(
  start: readonly number[],
  trees: readonly RotationTree[],
  prices: KeyPrices,
): readonly number[] {
  let current = judge(trees, growKeys(start, trees, prices), prices);
  const candidates = frequentDistances(trees, prices.slotCount).slice(0, GROWTH_CANDIDATES);
  for (const key of start) {
    if (!current.keys.includes(key)) continue;
    const others = current.keys.filter((other) => other !== key);
    for (const distance of candidates) {
      if (current.keys.includes(distance)) continue;
      const swapped = judgeBelow(current.cost, trees, [...others, distance], prices);
      if (swapped === null) continue;
      current = swapped;
      break;
    }
  }
  return current.keys;
}

/** Distances by the cost of the steps that they reach, most first. */
function frequentDistances(trees: readonly RotationTree[], slotCount: number): number[] {
  const weight = new Float64Array(slotCount);
  for (const tree of trees) {
    for (let index = 0; index < tree.steps.length; index++) {
      for (const distance of distancesTo(tree, index)) weight[distance]! += tree.rotateMs + tree.branchMs;
    }
  }
  return Array.from(weight.keys())
    .filter((distance) => weight[distance]! > 0)
    .sort((a, b) => weight[b]! - weight[a]! || a - b);
}

/** Removes the key whose loss costs least over its worth, while that pays or the keys exceed `maxBytes`. */
export function pruneKeys(
  start: readonly number[],
  trees: readonly RotationTree[],
  prices: KeyPrices,
  maxBytes: number,
): readonly number[] {
  const { slotCount } = prices;
  let current = judge(trees, start, prices);
  // The loss of a key only grows as others disappear, so earlier figures bound it from below.
  const loss = new Map(start.map((key) => [key, 0]));
  while (current.keys.length > 0) {
    const { keys, ms, levels, totalBytes } = current;
    const netOf = (key: number): number => loss.get(key)! - prices.keyWorthMs(key, levels.get(key)!);
    const queue = [...keys].sort((a, b) => netOf(a) - netOf(b) || b - a);
    let best: number | null = null;
    let least = Infinity;
    for (const key of queue) {
      if (netOf(key) >= least) break;
      // Giving up what takes nothing brings no budget nearer.
      if (totalBytes > maxBytes && prices.keyBytes(key, levels.get(key)!) === 0) continue;
      const without = keys.filter((other) => other !== key);
      loss.set(key, searchRoutes(trees, without, slotCount).ms - ms);
      if (netOf(key) < least) {
        least = netOf(key);
        best = key;
      }
    }
    if (best === null || (totalBytes <= maxBytes && least > 0)) break;
    const removed = best;
    current = judge(
      trees,
      keys.filter((key) => key !== removed),
      prices,
    );
  }
  return current.keys;
}
