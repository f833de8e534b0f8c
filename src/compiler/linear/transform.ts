/** Plans one linear map between placed sources and a target: which diagonals, which steps, and what they cost. */
import type { Layout } from '../../program/layout.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import {
  moduliFor,
  priceOf,
  SplitSearch,
  type Block,
  type Split,
  type SplitCosts,
  type SplitResult,
} from './baby-giant.ts';
import type { Placement } from './frame.ts';
import { modulo } from './frame.ts';
import { compactStart, offsetSets, translate, type OffsetSets } from './offsets.ts';
import type { Pattern } from './pattern.ts';
import { LinearProblems } from './linear-problem.ts';
import { makeTarget, reductionSteps, type Target } from './target.ts';
import { TargetChoices } from './targets.ts';
import { areKept, latticeSteps, type Sparsity, type Translations } from './translations.ts';

export interface TransformSource {
  readonly pattern: Pattern;
  /** Of the pattern, where it has any: they save most of looking at it. */
  readonly translations?: Translations | null;
  readonly placement: Placement;
}

export interface TransformPlan {
  readonly target: Target;
  /** Where the output comes to lie. */
  readonly output: Placement;
  /** Per source: output shift in the distances, and what is taken off every offset (both are in `output.shift`). */
  readonly anchor: number;
  readonly origin: number;
  readonly split: Split;
  /** Steps per ciphertext, sources concatenated, and per output ciphertext; ascending. */
  readonly babies: readonly (readonly number[])[];
  readonly giants: readonly (readonly number[])[];
  readonly reductions: readonly number[];
  readonly diagonals: number;
  readonly rotations: number;
  readonly latencyMs: number;
  /** Latency plus the prices of memory: what searches compare. */
  readonly cost: number;
}

/** What a plan may cost before it is given up. */
export interface PlanLimits {
  readonly diagonals: number;
  readonly cost: number;
}

const NO_LIMITS: PlanLimits = { diagonals: Infinity, cost: Infinity };

/** What is known of a plan before its steps are searched for: most candidates are given up by it. */
interface Outline {
  readonly anchor: number;
  readonly diagonals: number;
  /** Most diagonals between one input and one output ciphertext. */
  readonly widest: number;
}

/** A plan before it has a level. */
interface Geometry {
  readonly anchor: number;
  readonly origin: number;
  readonly diagonals: number;
  readonly split: SplitResult;
}

/** An encoded diagonal is worth this fraction of a product. */
const DIAGONAL_PRICE = 0.15;

/** Remembers what it has planned: the steps of a map depend on its geometry, not on the level it runs at. */
export class TransformPlanner {
  readonly #cost: CostModel;
  readonly #parallelism: number;
  readonly #splits: SplitSearch;
  readonly #sets = new Map<string, { sets: OffsetSets | null; limit: number }>();
  readonly #outlines = new Map<string, Outline>();
  readonly #geometries = new Map<string, Geometry>();
  readonly #names = new Names();
  /** Of every graph that is planned. */
  readonly problems = new LinearProblems();
  readonly targets = new TargetChoices();
  readonly #moduli = new Map<string, number[]>();
  readonly #lattices = new WeakMap<Layout, Map<string, readonly number[] | null>>();

  constructor(cost: CostModel, parallelism: number) {
    this.#cost = cost;
    this.#parallelism = Math.max(1, parallelism);
    this.#splits = new SplitSearch(cost.slotCount);
  }

  /**
   * @param level of the sources, i.e. one above the output's
   * @param shift of the output if it is given, or null to choose the one that needs the fewest steps
   * @returns null if the plan would exceed the limits
   */
  plan(
    sources: readonly TransformSource[],
    target: Target,
    shift: number | null,
    level: number,
    limits: PlanLimits = NO_LIMITS,
  ): TransformPlan | null {
    const geometry = this.#geometry(sources, target, shift, level, limits);
    if (geometry === null) return null;
    const { anchor, origin, split, diagonals } = geometry;
    const fixed = this.#fixed(target, diagonals, level);
    const rotating = priceOf(split, this.#splitCosts(level));
    const cost = fixed.latencyMs + fixed.price + rotating.cost;
    if (cost > limits.cost) return null;
    return {
      target,
      output: { frame: target.frame, shift: modulo(anchor + origin, target.frame.layout.period) },
      anchor,
      origin,
      split: split.split,
      babies: split.babies,
      giants: split.giants,
      reductions: reductionSteps(target),
      diagonals,
      rotations: split.rotations + target.frame.layout.ciphertexts * reductionSteps(target).length,
      latencyMs: fixed.latencyMs + rotating.latencyMs,
      cost,
    };
  }

  /** What does not depend on the level; null if the limits are certain to be exceeded. */
  #geometry(
    sources: readonly TransformSource[],
    target: Target,
    shift: number | null,
    level: number,
    limits: PlanLimits,
  ): Geometry | null {
    const placed = sources.map((source) => `${this.#mapKey(source)}@${source.placement.shift}`);
    const key = `${placed.join('+')}=${this.#names.of(target.key)}@${shift ?? ''}`;
    const known = this.#geometries.get(key);
    if (known !== undefined) return known.diagonals > limits.diagonals ? null : known;
    const outline = this.#outlines.get(key) ?? this.#outline(sources, target, shift, limits.diagonals);
    if (outline === null) return null;
    this.#outlines.set(key, outline);
    const { anchor, diagonals, widest } = outline;
    if (diagonals > limits.diagonals) return null;
    const costs = this.#splitCosts(level);
    const fixed = this.#fixed(target, diagonals, level);
    if (fixed.latencyMs + fixed.price + leastRotations(widest, costs) > limits.cost) return null;
    const terms = this.#terms(sources, target, anchor, diagonals)!;
    // Counting offsets from another origin moves the output by as much.
    const main = terms.reduce((best, sets) => (sets.total > best.total ? sets : best));
    const origin = shift === null ? compactStart(main) : 0;
    const blocks = blocksFrom(terms, origin);
    const inputs = terms.reduce((sum, sets) => sum + sets.inputs, 0);
    const outputs = target.frame.layout.ciphertexts;
    const split = this.#splits.best(blocks, inputs, outputs, this.#moduliFor(sources), costs);
    const geometry = { anchor, origin, diagonals, split };
    this.#geometries.set(key, geometry);
    return geometry;
  }

  /** Null if there are more than `limit` diagonals. */
  #outline(
    sources: readonly TransformSource[],
    target: Target,
    shift: number | null,
    limit: number,
  ): Outline | null {
    const anchor = shift ?? this.#anchor(sources, target, limit);
    if (anchor === null) return null;
    const terms = this.#terms(sources, target, anchor, limit);
    if (terms === null) return null;
    return {
      anchor,
      diagonals: terms.reduce((sum, { total }) => sum + total, 0),
      widest: Math.max(...terms.flatMap(({ sets }) => sets.map(({ length }) => length))),
    };
  }

  /** The offsets from every source; null if there are more than `limit` of them. */
  #terms(
    sources: readonly TransformSource[],
    target: Target,
    anchor: number,
    limit: number,
  ): OffsetSets[] | null {
    const terms: OffsetSets[] = [];
    let diagonals = 0;
    for (const source of sources) {
      const delta = source.placement.shift - anchor;
      const sets = this.#offsets(source, target, delta, limit - diagonals);
      if (sets === null) return null;
      diagonals += sets.total;
      terms.push(sets);
    }
    return terms;
  }

  #mapKey({ pattern, placement }: TransformSource): string {
    return `${this.#names.of(pattern.key)}#${this.#names.of(placement.frame.key)}`;
  }

  #splitCosts(level: number): SplitCosts {
    const { open, reopen, baby, giant, key } = this.#cost.linear(level);
    return {
      babies: (count) => (count === 0 ? 0 : open + count * baby),
      giant,
      key,
      hoisted: reopen > 0,
    };
  }

  /** All but the steps: products with diagonals, rotate-and-adds, rescales, and the price of the diagonals' memory. */
  #fixed(target: Target, diagonals: number, level: number): { latencyMs: number; price: number } {
    const outputs = target.frame.layout.ciphertexts;
    const { term, giant, output } = this.#cost.linear(level);
    const products = (diagonals * term) / this.#parallelism;
    const folding = outputs * reductionSteps(target).length * giant;
    return {
      latencyMs: products + folding + outputs * output,
      price: DIAGONAL_PRICE * products,
    };
  }

  /**
   * Windows split distances at powers of two. If small distances straddle zero they would fall apart, so the output is
   * first moved such that the map's distances start there.
   */
  #anchor(sources: readonly TransformSource[], target: Target, limit: number): number | null {
    if (target.count === 1) return 0;
    const plain = makeTarget(target.frame, target.fill);
    let main: OffsetSets | null = null;
    for (const source of sources) {
      const sets = this.#offsets(source, plain, source.placement.shift, limit * target.count);
      if (sets === null) return null;
      if (main === null || sets.total > main.total) main = sets;
    }
    return main === null ? 0 : compactStart(main);
  }

  #offsets(source: TransformSource, target: Target, delta: number, limit: number): OffsetSets | null {
    const { frame } = source.placement;
    // Without windows a shift moves all offsets alike.
    const fixed = target.count === 1 ? 0 : modulo(delta, frame.layout.period);
    const key = `${this.#mapKey(source)}#${this.#names.of(target.key)}#${fixed}`;
    let known = this.#sets.get(key);
    if (known === undefined || (known.sets === null && known.limit < limit)) {
      known = { sets: offsetSets(this.#entries(source, target), frame, target, fixed, limit), limit };
      this.#sets.set(key, known);
    }
    if (known.sets === null || known.sets.total > limit) return null;
    return target.count === 1 ? translate(known.sets, delta) : known.sets;
  }

  /** As many of the entries as tell all offsets. */
  #entries({ pattern, translations = null, placement }: TransformSource, target: Target): Sparsity {
    if (translations === null) return pattern.matrix;
    const [from, to] = [placement.frame.layout, target.frame.layout];
    const kept = areKept(translations, from, to, (layout, spatial) => this.#stepsOf(layout, spatial));
    return kept ? translations.representatives : pattern.matrix;
  }

  #stepsOf(layout: Layout, spatial: readonly number[]): readonly number[] | null {
    let own = this.#lattices.get(layout);
    if (own === undefined) this.#lattices.set(layout, (own = new Map<string, readonly number[] | null>()));
    const key = spatial.join();
    let known = own.get(key);
    if (known === undefined) own.set(key, (known = latticeSteps(layout, spatial)));
    return known;
  }

  #moduliFor(sources: readonly TransformSource[]): number[] {
    const steps = new Set(sources.flatMap(({ placement }) => placement.frame.grid?.steps ?? []));
    const key = [...steps].sort((a, b) => a - b).join();
    let moduli = this.#moduli.get(key);
    if (moduli === undefined) {
      moduli = moduliFor(this.#cost.slotCount, [...steps]);
      this.#moduli.set(key, moduli);
    }
    return moduli;
  }
}

/** Short names for keys, which grow with the distance from the input; one string object is looked up again and again. */
class Names {
  readonly #known = new Map<string, number>();

  of(key: string): number {
    let name = this.#known.get(key);
    if (name === undefined) this.#known.set(key, (name = this.#known.size));
    return name;
  }
}

/** Of so many diagonals between two ciphertexts: b babies and g giants make b · g diagonals at most, zero steps included. */
function leastRotations(diagonals: number, costs: SplitCosts): number {
  return Math.max(0, 2 * Math.sqrt(diagonals) - 2) * Math.min(costs.giant, costs.babies(2) - costs.babies(1));
}

function blocksFrom(terms: readonly OffsetSets[], origin: number): Block[] {
  const blocks: Block[] = [];
  let first = 0;
  for (const term of terms) {
    const moved = translate(term, -origin);
    for (let i = 0; i < term.inputs; i++) {
      for (let o = 0; o < term.outputs; o++) {
        const offsets = moved.sets[i * term.outputs + o]!;
        if (offsets.length > 0) blocks.push({ input: first + i, output: o, offsets });
      }
    }
    first += term.inputs;
  }
  return blocks;
}
