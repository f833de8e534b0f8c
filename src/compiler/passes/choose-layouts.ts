/**
 * Chooses the layout of every tensor: a shortest-path search over layers × layouts (as in Orion, arXiv 2311.03470, §5),
 * with the predicted latency of every linear map between the candidates as edge lengths. States that agree on all
 * values still needed are merged; of the others the best few are kept.
 */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { polynomialDepth } from '../../program/program.ts';
import { refreshOf, type CostModel } from '../analysis/cost-model.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import { rescalesOf, type GraphNode, type InputNode, type NodeId } from '../ir/linear-graph.ts';
import { denseFrame } from '../linear/dense-targets.ts';
import type { Frame, Placement } from '../linear/frame.ts';
import { gridFrame, naturalGrids } from '../linear/grid-targets.ts';
import { spatialOf } from '../linear/grid.ts';
import { latticeNeeds } from '../linear/lattice-needs.ts';
import { layoutClasses, type LayoutClass } from '../linear/layout-classes.ts';
import type { LinearProblem } from '../linear/linear-problem.ts';
import { targetsOnto } from '../linear/targets.ts';
import { TransformPlanner, type TransformPlan } from '../linear/transform.ts';

export interface LayoutChoice {
  /** Index = node id. */
  readonly placements: readonly Placement[];
  readonly classes: readonly LayoutClass[];
  readonly problems: ReadonlyMap<NodeId, LinearProblem>;
  readonly plans: ReadonlyMap<NodeId, TransformPlan>;
  /** Predicted latency of the whole program. */
  readonly latencyMs: number;
}

/** States kept after every node; of large graphs fewer, since those are laid out more often, too. */
const BEAM = 12;
const LARGE_BEAM = 6;
const LARGE_GRAPH = 40;
/** Candidates with more diagonals than this many times the best one's are not worth planning. */
const DIAGONAL_SLACK = 6;

/** A partial assignment; `placements` is indexed by layout class. */
interface State {
  readonly placements: readonly (Placement | null)[];
  readonly cost: number;
  readonly latencyMs: number;
  readonly last: {
    readonly node: NodeId;
    readonly plan: TransformPlan;
    readonly before: State['last'];
  } | null;
}

export interface LayoutOptions {
  /** Made for the same cost model; one that has planned a similar graph saves most of the work. */
  readonly planner?: TransformPlanner;
  /** A longer latency is of no use: the search ends. */
  readonly mostMs?: number;
  /** States kept after every node; by default as many as the graph's size allows. */
  readonly beam?: number;
}

/** Null once the latency is certain to exceed `mostMs`. */
export function chooseLayouts(
  graph: LeveledGraph,
  cost: CostModel,
  parallelism: number,
  options: LayoutOptions & { readonly mostMs: number },
): LayoutChoice | null;
export function chooseLayouts(
  graph: LeveledGraph,
  cost: CostModel,
  parallelism: number,
  options?: Omit<LayoutOptions, 'mostMs'>,
): LayoutChoice;
export function chooseLayouts(
  graph: LeveledGraph,
  cost: CostModel,
  parallelism: number,
  {
    planner = new TransformPlanner(cost, parallelism),
    mostMs = Infinity,
    beam = beamFor(graph),
  }: LayoutOptions = {},
): LayoutChoice | null {
  return new LayoutSearch(graph, cost, planner, mostMs).run(beam);
}

class LayoutSearch {
  readonly #graph: LeveledGraph;
  readonly #cost: CostModel;
  readonly #planner: TransformPlanner;
  readonly #mostMs: number;
  readonly #classes: readonly LayoutClass[];
  readonly #problems = new Map<NodeId, LinearProblem>();

  constructor(graph: LeveledGraph, cost: CostModel, planner: TransformPlanner, mostMs: number) {
    this.#mostMs = mostMs;
    this.#graph = graph;
    this.#cost = cost;
    this.#planner = planner;
    this.#classes = layoutClasses(graph);
    for (const node of graph.nodes) {
      if (node.kind === 'linear') this.#problems.set(node.id, planner.problems.of(graph, node));
    }
  }

  run(beam: number): LayoutChoice | null {
    const classes = Math.max(...this.#classes.map(({ index }) => index)) + 1;
    let states: State[] = [
      { placements: Array<null>(classes).fill(null), cost: 0, latencyMs: 0, last: null },
    ];
    // Inputs may stand anywhere in the order; placing them first lets them lead their class.
    const inputs = this.#graph.nodes.filter((node) => node.kind === 'input');
    for (const node of [...inputs, ...this.#graph.nodes.filter(({ kind }) => kind !== 'input')]) {
      const ceiling = new Ceiling(beam);
      states = this.#keepBest(
        states.flatMap((state) => this.#extend(state, node, ceiling)),
        node.id,
        beam,
      );
      if (states.length === 0) throw new InternalError('no layout was found', { node: node.layer });
      if (states.every(({ latencyMs }) => latencyMs > this.#mostMs)) return null;
    }
    const best = states[0]!;
    const plans = new Map<NodeId, TransformPlan>();
    for (let at = best.last; at !== null; at = at.before) plans.set(at.node, at.plan);
    return {
      placements: this.#classes.map(({ index }) => best.placements[index]!),
      classes: this.#classes,
      problems: this.#problems,
      plans,
      latencyMs: best.latencyMs,
    };
  }

  #extend(state: State, node: GraphNode, ceiling: Ceiling): State[] {
    switch (node.kind) {
      case 'input':
        return this.#placeInput(state, node);
      case 'linear':
        return this.#placeLinear(state, this.#problems.get(node.id)!, ceiling);
      case 'refresh': {
        const { frame } = state.placements[this.#classes[node.id]!.index]!;
        const latencyMs = frame.layout.ciphertexts * refreshOf(this.#cost).ms;
        return [{ ...state, cost: state.cost + latencyMs, latencyMs: state.latencyMs + latencyMs }];
      }
      case 'polynomial':
      case 'product': {
        const placement = state.placements[this.#classes[node.id]!.index]!;
        const level = this.#graph.levels[node.id]! + rescalesOf(node);
        // Paterson–Stockmeyer: about depth + √degree products.
        const products =
          node.kind === 'product'
            ? 1
            : polynomialDepth(node.degree, node.unitLeading) + Math.max(0, Math.sqrt(node.degree) - 2);
        const each = products * (this.#productMs(level) + this.#cost.rescale(level));
        const latencyMs = placement.frame.layout.ciphertexts * each;
        return [{ ...state, cost: state.cost + latencyMs, latencyMs: state.latencyMs + latencyMs }];
      }
    }
  }

  #productMs(level: number): number {
    return this.#cost.multiply(level) + this.#cost.relinearize(level);
  }

  #placeInput(state: State, node: InputNode): State[] {
    const { index } = this.#classes[node.id]!;
    if (state.placements[index] !== null) return [state];
    return this.#inputFrames(node).map((frame) => {
      // A fresh ciphertext costs the client about as much as a product costs the server, and an upload.
      const price = frame.layout.ciphertexts * this.#productMs(this.#graph.levels[node.id]!);
      const placements = state.placements.with(index, { frame, shift: 0 });
      return { ...state, placements, cost: state.cost + price };
    });
  }

  #inputFrames(node: InputNode): Frame[] {
    const { slotCount } = this.#cost;
    if (elementCount(spatialOf(node.shape)) === 1) return [denseFrame(node.shape, slotCount)];
    const stridesOf = (id: NodeId, source: NodeId): readonly number[] | null =>
      this.#problems.get(id)!.terms.find((term) => term.source === source)!.strides;
    const needs = latticeNeeds(this.#graph, node.id, stridesOf);
    const frames = naturalGrids(node.shape, needs).flatMap((grid) => {
      const frame = gridFrame(node.shape, grid, slotCount);
      return frame === null ? [] : [frame];
    });
    return [...frames, denseFrame(node.shape, slotCount)];
  }

  #placeLinear(state: State, problem: LinearProblem, ceiling: Ceiling): State[] {
    const { node, terms } = problem;
    const { index, clean } = this.#classes[node.id]!;
    const level = this.#graph.levels[node.id]! + 1;
    const given = state.placements[index]!;
    const placements = terms.map(({ source }) => state.placements[this.#classes[source]!.index]!);
    const sources = terms.map(({ pattern, translations }, i) => ({
      pattern,
      translations,
      placement: placements[i]!,
    }));
    const targets =
      given === null
        ? this.#planner.targets.of(problem, placements, this.#cost.slotCount, clean)
        : targetsOnto(given.frame, placements);
    const next: State[] = [];
    let fewest = Infinity;
    for (const target of targets) {
      const limits = { diagonals: fewest * DIAGONAL_SLACK + 64, cost: ceiling.value - state.cost };
      const plan = this.#planner.plan(sources, target, given?.shift ?? null, level, limits);
      if (plan === null) continue;
      if (given === null) ceiling.note(target.frame.key, state.cost + plan.cost);
      fewest = Math.min(fewest, plan.diagonals);
      next.push({
        placements: given === null ? state.placements.with(index, plan.output) : state.placements,
        cost: state.cost + plan.cost,
        latencyMs: state.latencyMs + plan.latencyMs,
        last: { node: node.id, plan, before: state.last },
      });
    }
    return given === null ? next : next.sort((a, b) => a.cost - b.cost).slice(0, 1);
  }

  /** One state per arrangement of the values still to be read (up to a common shift), and the cheapest of these. */
  #keepBest(states: readonly State[], done: NodeId, beam: number): State[] {
    const alive = new Set(this.#classes.filter(({ lastUse }) => lastUse > done).map(({ index }) => index));
    const best = new Map<string, State>();
    for (const state of states) {
      let origin: number | null = null;
      const parts: string[] = [];
      for (const index of alive) {
        const placement = state.placements[index] ?? null;
        if (placement === null) continue;
        origin ??= placement.shift;
        parts.push(`${placement.frame.key}@${placement.shift - origin}`);
      }
      const key = parts.join(' & ');
      const known = best.get(key);
      if (known === undefined || state.cost < known.cost) best.set(key, state);
    }
    return [...best.values()].sort((a, b) => a.cost - b.cost).slice(0, beam);
  }
}

function beamFor({ nodes }: LeveledGraph): number {
  return nodes.length > LARGE_GRAPH ? LARGE_BEAM : BEAM;
}

/** States that differ in the frame of a node are not merged, so as many better frames as are kept rule a candidate out. */
class Ceiling {
  readonly #beam: number;
  readonly #least = new Map<string, number>();
  #value = Infinity;

  constructor(beam: number) {
    this.#beam = beam;
  }

  get value(): number {
    return this.#value;
  }

  note(frame: string, cost: number): void {
    const known = this.#least.get(frame) ?? Infinity;
    if (cost >= known) return;
    this.#least.set(frame, cost);
    if (cost >= this.#value) return;
    this.#value = [...this.#least.values()].sort((a, b) => a - b)[this.#beam - 1] ?? Infinity;
  }
}
