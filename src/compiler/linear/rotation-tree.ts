/**
 * A set of rotations of one ciphertext is computed as a tree: each step from the origin or from an earlier step, by a difference
 * for which there is a key. Without hoisting it does not matter where a rotation starts, and few distinct differences, hence
 * few keys, serve a whole layer. With hoisting the origin is decomposed once for all that starts there, and every step
 * from which others start (a branch) costs a decomposition of its own. Giant steps are the same tree read backwards (Horner).
 */
import { InternalError } from '../../errors.ts';

/** Steps that must be reached from 0. */
export interface RotationTree {
  /** Ascending, distinct, in 1 … slotCount − 1. */
  readonly steps: readonly number[];
  /** Of the ciphertexts. */
  readonly level: number;
  /** One keyed rotation. */
  readonly rotateMs: number;
  /** Making a step ready for rotations of its own, once however many; nothing where rotations share nothing. */
  readonly branchMs: number;
  /** Every step starts from 0. */
  readonly direct: boolean;
}

export interface TreeStep {
  readonly step: number;
  /** Index of an earlier entry, or -1 for 0. */
  readonly parent: number;
  /** Keyed rotations that lead from the parent here; together they are step − parent's step mod slotCount. */
  readonly via: readonly number[];
}

/** Compositions longer than this are no plan but a mistake: three digits of base 16 take at most 45. */
const MAX_HOPS = 64;
const UNREACHED = 0xff;

/** Fewest keyed rotations that make up each distance. */
export class RoutingTable {
  readonly #slotCount: number;
  readonly #hops: Uint8Array;
  readonly #last: Int32Array;

  /** Breadth first over Z_slotCount, at most `maxHops` deep. @param keys in 1 … slotCount − 1 */
  constructor(slotCount: number, keys: readonly number[], maxHops = MAX_HOPS) {
    this.#slotCount = slotCount;
    this.#hops = new Uint8Array(slotCount).fill(UNREACHED);
    this.#last = new Int32Array(slotCount);
    this.#hops[0] = 0;
    // Searches build thousands of tables: everything reached stands in one array, in the order in which it was.
    const reached = new Int32Array(slotCount);
    let count = 1;
    let done = 0;
    for (let hops = 1; hops <= maxHops && done < count; hops++) {
      for (const end = count; done < end && count < slotCount; done++) {
        for (const key of keys) {
          let to = reached[done]! + key;
          if (to >= slotCount) to -= slotCount;
          if (this.#hops[to] !== UNREACHED) continue;
          this.#hops[to] = hops;
          this.#last[to] = key;
          reached[count++] = to;
        }
      }
      if (count === slotCount) break;
    }
  }

  /** Infinity if the distance cannot be composed. */
  hops(distance: number): number {
    const hops = this.#hops[distance]!;
    return hops === UNREACHED ? Infinity : hops;
  }

  /** The keyed steps, in the order of application. */
  route(distance: number): number[] {
    if (this.hops(distance) === Infinity)
      throw new InternalError(`no keys compose a rotation by ${distance}`);
    const route: number[] = [];
    for (let at = distance; at !== 0;) {
      const key = this.#last[at]!;
      route.push(key);
      at = (at - key + this.#slotCount) % this.#slotCount;
    }
    return route.sort((a, b) => b - a);
  }
}

/** Distances over which step `index` can be reached. */
export function* distancesTo(tree: RotationTree, index: number): Generator<number> {
  const step = tree.steps[index]!;
  yield step;
  if (tree.direct) return;
  for (let p = 0; p < index; p++) yield step - tree.steps[p]!;
}

/** Milliseconds of all steps with the keys of `table`; Infinity if they do not suffice. */
export function treeMs(tree: RotationTree, table: RoutingTable): number {
  const branches = chooseBranches(tree, table);
  let total = branches === null ? 0 : branches.length * tree.branchMs;
  for (let index = 0; index < tree.steps.length; index++) {
    let best = table.hops(tree.steps[index]!);
    const parents = branches === null ? index : branches.length;
    for (let k = 0; k < parents && best > 1 && !tree.direct; k++) {
      const p = branches === null ? k : branches[k]!;
      if (p < index) best = Math.min(best, table.hops(tree.steps[index]! - tree.steps[p]!));
    }
    total += wayMs(tree, best);
  }
  return total;
}

/** The cheapest tree; among equals the shallowest, which adds up the least noise. */
export function growTree(tree: RotationTree, table: RoutingTable): TreeStep[] {
  const { steps, direct } = tree;
  const branches = chooseBranches(tree, table);
  const depth: number[] = [];
  return steps.map((step, index) => {
    let parent = -1;
    let best = table.hops(step);
    let bestDepth = best;
    for (let p = 0; p < index && !direct; p++) {
      if (branches?.includes(p) === false) continue;
      const hops = table.hops(step - steps[p]!);
      if (hops > best || (hops === best && hops + depth[p]! >= bestDepth)) continue;
      best = hops;
      bestDepth = hops + depth[p]!;
      parent = p;
    }
    depth.push(bestDepth);
    return { step, parent, via: table.route(parent < 0 ? step : step - steps[parent]!) };
  });
}

/** A rotation in several steps makes each but the last of them ready for the next. */
function wayMs({ rotateMs, branchMs }: RotationTree, hops: number): number {
  return hops === Infinity ? Infinity : hops * rotateMs + (hops - 1) * branchMs;
}

/** Stands for a step that cannot be reached, so that branches which reach it are preferred. */
const UNREACHABLE_MS = 1e9;

/**
 * The steps from which others start (indices, ascending), chosen greedily: the one that saves most, as long as one saves more
 * than it costs. Null where branches cost nothing: then every step may be one.
 */
function chooseBranches(tree: RotationTree, table: RoutingTable): readonly number[] | null {
  const { steps, branchMs, direct } = tree;
  if (branchMs === 0 || direct) return direct ? [] : null;
  const ms = (distance: number): number => Math.min(wayMs(tree, table.hops(distance)), UNREACHABLE_MS);
  const best = Float64Array.from(steps, ms);
  const branches: number[] = [];
  for (;;) {
    let chosen = -1;
    let most = branchMs;
    for (let p = 0; p < steps.length; p++) {
      let saving = 0;
      for (let index = p + 1; index < steps.length; index++) {
        saving += Math.max(0, best[index]! - ms(steps[index]! - steps[p]!));
      }
      if (saving > most * (1 + 1e-9)) [chosen, most] = [p, saving];
    }
    if (chosen < 0) return branches.sort((a, b) => a - b);
    branches.push(chosen);
    for (let index = chosen + 1; index < steps.length; index++) {
      best[index] = Math.min(best[index]!, ms(steps[index]! - steps[chosen]!));
    }
  }
}
