/**
 * Without hoisting every rotation costs the same, whatever it starts from. A set of steps is therefore computed as a
 * tree: each step from an earlier one, by a difference for which there is a key. Giant steps are the same tree read
 * backwards (Horner). Few distinct differences, hence few keys, serve a whole layer that way.
 */
import { InternalError } from '../../errors.ts';

/** Steps that must be reached from 0. */
export interface RotationTree {
  /** Ascending, distinct, in 1 … slotCount − 1. */
  readonly steps: readonly number[];
  readonly rotateMs: number;
  /** Every step starts from 0: single rotations, and backends that share the decomposition of the input. */
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

  /** Breadth first over Z_slotCount, at most `maxHops` deep. */
  constructor(slotCount: number, keys: readonly number[], maxHops = MAX_HOPS) {
    this.#slotCount = slotCount;
    this.#hops = new Uint8Array(slotCount).fill(UNREACHED);
    this.#last = new Int32Array(slotCount);
    this.#hops[0] = 0;
    let frontier = [0];
    for (let hops = 1; frontier.length > 0 && hops <= maxHops; hops++) {
      const next: number[] = [];
      for (const from of frontier) {
        for (const key of keys) {
          const to = (from + key) % slotCount;
          if (this.#hops[to] !== UNREACHED) continue;
          this.#hops[to] = hops;
          this.#last[to] = key;
          next.push(to);
        }
      }
      frontier = next;
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

/** Rotations that the tree takes with the keys of `table`; Infinity if they do not suffice. */
export function treeHops(tree: RotationTree, table: RoutingTable): number {
  let total = 0;
  for (let index = 0; index < tree.steps.length; index++) {
    let best = Infinity;
    for (const distance of distancesTo(tree, index)) {
      best = Math.min(best, table.hops(distance));
      if (best === 1) break;
    }
    total += best;
  }
  return total;
}

/** The cheapest tree; among equals the shallowest, which adds up the least noise. */
export function growTree(tree: RotationTree, table: RoutingTable): TreeStep[] {
  const depth: number[] = [];
  return tree.steps.map((step, index) => {
    let parent = -1;
    let best = table.hops(step);
    let bestDepth = best;
    for (let p = 0; p < index && !tree.direct; p++) {
      const hops = table.hops(step - tree.steps[p]!);
      if (hops > best || (hops === best && hops + depth[p]! >= bestDepth)) continue;
      best = hops;
      bestDepth = hops + depth[p]!;
      parent = p;
    }
    depth.push(bestDepth);
    return { step, parent, via: table.route(parent < 0 ? step : step - tree.steps[parent]!) };
  });
}
