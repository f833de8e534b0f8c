/**
 * What a program will about cost, before it is composed, packed or even fitted: layouts are chosen once for the graph as it is
 * lowered, and their diagonals and rotations priced at the levels of each degree.
 */
import { CompileError } from '../../errors.ts';
import { SEAL_HEAP_BYTES } from '../../program/memory-model.ts';
import type { CkksParameters } from '../../program/security.ts';
import { costModelFor } from '../analysis/backend-costs.ts';
import { depthOf } from '../analysis/levels.ts';
import type { GraphNode, LinearGraph } from '../ir/linear-graph.ts';
import { sourcesOf } from '../ir/linear-graph.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { TransformPlanner } from '../linear/transform.ts';
import type { CompileOptions } from '../options.ts';
import { chooseLayouts, type LayoutChoice } from './choose-layouts.ts';
import { leastLevels } from './compose-linear.ts';
import { lowerLinear } from './lower-linear.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';

/** Figures good to a factor of two or three. */
export interface CostEstimate {
  /** Of one evaluation, on one core. */
  readonly milliseconds: number;
  /** Galois and relinearization keys, in memory. */
  readonly keyBytes: number;
  /** What an evaluation takes, encoded plaintexts left out. */
  readonly memoryBytes: number;
}

/** The process, and keys as files beside themselves. */
const PROCESS_BYTES = 384 * 2 ** 20;
const KEY_COPIES = 1.5;
/** Values of the largest size that are alive at a time, work space included. */
const LIVE_VALUES = 8;

/** Layouts of one graph, chosen once for each number of slots. */
export class CostEstimator {
  readonly #graph: LinearGraph;
  readonly #choices = new Map<number, LayoutChoice>();

  private constructor(graph: LinearGraph) {
    this.#graph = graph;
  }

  /**
   * @param sketch whose coefficients need not mean anything: see `sketchActivations`
   * @returns null for a model with more than `mostEntries` in its matrices
   */
  static of(
    sketch: TensorGraph,
    ranges: PolynomialGraph['ranges'],
    mostEntries: number,
  ): CostEstimator | null {
    try {
      return new CostEstimator(normalisePolynomials(lowerLinear({ graph: sketch, ranges }, mostEntries)));
    } catch (error) {
      if (error instanceof CompileError && error.code === 'MODEL_TOO_LARGE') return null;
      throw error;
    }
  }

  /** @param degree of the polynomials of `layers`; null for the degrees as they are */
  estimate(
    degree: number | null,
    layers: ReadonlySet<string>,
    chain: CkksParameters,
    options: CompileOptions,
  ): CostEstimate {
    const cost = costModelFor(options.backend, chain, options.profile);
    const graph = degree === null ? this.#graph : withDegree(this.#graph, layers, degree);
    const levels = leastLevels(graph);
    let choice = this.#choices.get(cost.slotCount);
    if (choice === undefined) {
      choice = chooseLayouts(graph, levels, cost, 1, { planner: new TransformPlanner(cost, 1) });
      this.#choices.set(cost.slotCount, choice);
    }
    const steps = new Set<number>();
    let milliseconds = 0;
    let largest = 0;
    for (const node of graph.nodes) {
      const ciphertexts = choice.placements[node.id]!.frame.layout.ciphertexts;
      const level = levels[node.id]! + depthOf(node);
      largest = Math.max(largest, ciphertexts * (level + 1));
      if (node.kind === 'polynomial' || node.kind === 'product') {
        // Paterson–Stockmeyer: about depth + √degree products.
        const products =
          node.kind === 'product' ? 1 : depthOf(node) + Math.max(0, Math.sqrt(node.degree) - 2);
        const each = cost.multiply(level) + cost.relinearize(level) + cost.rescale(level);
        milliseconds += ciphertexts * products * each;
      }
      const plan = choice.plans.get(node.id);
      if (plan === undefined || isElementwise(node)) continue;
      const { open, baby, giant, term, output } = cost.linear(level);
      const babies = plan.babies.flat().filter((step) => step !== 0);
      const giants = plan.rotations - babies.length;
      milliseconds += sourcesOf(node).length * open + babies.length * baby + Math.max(0, giants) * giant;
      milliseconds += plan.diagonals * term + ciphertexts * output;
      for (const step of [...babies, ...plan.giants.flat(), ...plan.reductions]) steps.add(step);
    }
    steps.delete(0);
    // Rotations by many steps are composed of about as many keys as there are doublings.
    const doublings = Math.log2(cost.slotCount);
    // Keys are held at the levels that they are used at: half of the chain's, on average.
    const keyBytes = cost.keyBytes(Math.ceil((Math.max(...levels) + 1) / 2));
    const keys = 1 + Math.min(steps.size, doublings);
    const values = LIVE_VALUES * largest * 2 * chain.polyModulusDegree * 8;
    return {
      milliseconds,
      keyBytes: keys * keyBytes,
      memoryBytes: PROCESS_BYTES + KEY_COPIES * keys * keyBytes + values,
    };
  }
}

/** Why a program of this size does not fit; null where it seems to. */
export function estimatedObstacle(
  { memoryBytes }: CostEstimate,
  { backend, maxMemoryMb }: Pick<CompileOptions, 'backend' | 'maxMemoryMb'>,
): string | null {
  const allowed = maxMemoryMb * 2 ** 20;
  const most = backend === 'seal' ? Math.min(allowed, SEAL_HEAP_BYTES) : allowed;
  if (memoryBytes <= most) return null;
  const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return `it needs about ${mib(memoryBytes)} of memory, ${mib(most)} are there`;
}

/** Vanishes into the maps and polynomials around it. */
function isElementwise(node: GraphNode): boolean {
  if (node.kind !== 'linear' || node.terms.length !== 1) return false;
  const { rows, cols, columns } = node.terms[0]!.matrix;
  return rows === cols && columns.length <= rows && columns.every((column, row) => column === row);
}

function withDegree(graph: LinearGraph, layers: ReadonlySet<string>, degree: number): LinearGraph {
  const nodes = graph.nodes.map((node) =>
    node.kind === 'polynomial' && layers.has(node.layer) ? { ...node, degree, unitLeading: true } : node,
  );
  return { ...graph, nodes };
}
