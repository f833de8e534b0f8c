/**
 * What a program will about cost, before it is composed, packed or even fitted: layouts are chosen once for the graph as it is
 * lowered, and their diagonals and rotations priced at the levels of each degree.
 */
import { CompileError } from '../../errors.ts';
import type { CkksParameters } from '../../program/security.ts';
import { refreshOf } from '../analysis/cost-model.ts';
import { roughMemory } from '../analysis/rough-memory.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { rescalesOf, sourcesOf } from '../ir/linear-graph.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { TransformPlanner } from '../linear/transform.ts';
import { oversize } from '../onnx/model-size.ts';
import type { CompileOptions } from '../options.ts';
import type { NodeMemory, RoughMemory } from '../targets/outline.ts';
import { targetOf } from '../targets/registry.ts';
import { chooseLayouts, type LayoutChoice } from './choose-layouts.ts';
import { placeLeast } from './compose-linear.ts';
import { isElementwise } from './compose-rules.ts';
import { lowerLinear } from './lower-linear.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { keepRefreshes } from './place-refreshes.ts';

/** Figures good to a factor of two. */
export interface CostEstimate extends RoughMemory {
  /** Of one evaluation, on one core. */
  readonly milliseconds: number;
}

/** Layouts are only to be typical, not the best. */
const BEAM = 2;

/** Layouts of one graph, chosen once for each number of slots. */
export class CostEstimator {
  readonly #graph: LinearGraph;
  readonly #choices = new Map<number, LayoutChoice>();

  private constructor(graph: LinearGraph) {
    this.#graph = graph;
  }

  /**
   * @param sketch with a refresh before every activation that can have one, whose coefficients need not mean anything: see
   *   `sketchActivations`
   * @returns null for a model with more than `mostEntries` in its matrices
   */
  static of(
    sketch: TensorGraph,
    ranges: PolynomialGraph['ranges'],
    mostEntries: number,
  ): CostEstimator | null {
    // What leaves no doubt is not lowered first: that would take minutes, or more than there is.
    if (oversize(sketch, mostEntries) !== null) return null;
    try {
      return new CostEstimator(normalisePolynomials(lowerLinear({ graph: sketch, ranges }, mostEntries)));
    } catch (error) {
      if (error instanceof CompileError && error.code === 'MODEL_TOO_LARGE') return null;
      throw error;
    }
  }

  /**
   * @param degree of the polynomials of `layers`; null for the degrees as they are
   * @param refreshed layers that values are refreshed before
   */
  estimate(
    degree: number | null,
    layers: ReadonlySet<string>,
    refreshed: ReadonlySet<string>,
    chain: CkksParameters,
    options: CompileOptions,
  ): CostEstimate {
    const target = targetOf(options.backend);
    const cost = target.costs(chain, options.profile);
    const chosen = degree === null ? this.#graph : withDegree(this.#graph, layers, degree);
    const graph = placeLeast(keepRefreshes(chosen, refreshed), target.refresh);
    let choice = this.#choices.get(cost.slotCount);
    if (choice === undefined) {
      choice = chooseLayouts(graph, cost, 1, { planner: new TransformPlanner(cost, 1), beam: BEAM });
      this.#choices.set(cost.slotCount, choice);
    }
    const steps = new Set<number>();
    const nodes: NodeMemory[] = [];
    let milliseconds = 0;
    for (const node of graph.nodes) {
      const ciphertexts = choice.placements[node.id]!.frame.layout.ciphertexts;
      const level = graph.levels[node.id]! + rescalesOf(node);
      const none = { level, ciphertexts, products: 0, babies: 0, giants: 0, diagonals: 0, entries: 0 };
      if (node.kind === 'refresh') {
        milliseconds += ciphertexts * refreshOf(cost).ms;
        nodes.push(none);
        continue;
      }
      if (node.kind === 'polynomial' || node.kind === 'product') {
        // Paterson–Stockmeyer: about depth + √degree products.
        const products =
          node.kind === 'product' ? 1 : rescalesOf(node) + Math.max(0, Math.sqrt(node.degree) - 2);
        const each = cost.multiply(level) + cost.relinearize(level) + cost.rescale(level);
        milliseconds += ciphertexts * products * each;
        nodes.push({ ...none, products });
        continue;
      }
      const plan = choice.plans.get(node.id);
      if (plan === undefined || node.kind !== 'linear' || isElementwise(node)) {
        nodes.push(none);
        continue;
      }
      const { open, baby, giant, term, output } = cost.linear(level);
      const babies = plan.babies.flat().filter((step) => step !== 0);
      const giants = Math.max(0, plan.rotations - babies.length);
      milliseconds += sourcesOf(node).length * open + babies.length * baby + giants * giant;
      milliseconds += plan.diagonals * term + ciphertexts * output;
      for (const step of [...babies, ...plan.giants.flat(), ...plan.reductions]) steps.add(step);
      const entries = node.terms.reduce((sum, { matrix }) => sum + matrix.values.length, 0);
      nodes.push({ ...none, babies: babies.length, giants, diagonals: plan.diagonals, entries });
    }
    steps.delete(0);
    // Rotations by many steps are composed of about as many keys as there are doublings.
    const rotationKeys = Math.min(steps.size, Math.log2(cost.slotCount));
    const outline = { nodes, rotationKeys, refreshes: refreshed.size > 0 };
    return { milliseconds, ...roughMemory(outline, cost, chain, options) };
  }
}

function withDegree(graph: LinearGraph, layers: ReadonlySet<string>, degree: number): LinearGraph {
  const nodes = graph.nodes.map((node) =>
    node.kind === 'polynomial' && layers.has(node.layer) ? { ...node, degree, unitLeading: true } : node,
  );
  return { ...graph, nodes };
}
