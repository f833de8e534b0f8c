/**
 * Multiplies consecutive linear maps into one, which saves a level and a rescale each: batch-norm, pooling, padding,
 * concatenation, residual sums and the elementwise maps around polynomials all vanish into their neighbours.
 *
 * Some rules always pay, and are applied until none fires (`reduceLinear`):
 * 1. an identity is replaced by its source;
 * 2. a linear node that only linear nodes read is composed into all of them, if one side of every product merely selects,
 *    moves and scales elements and the number of entries does not grow;
 * 3. a linear node read by an invertible elementwise map and other linear nodes takes the elementwise map in, and the
 *    others undo it (a pre-activation residual branch: nothing is computed twice);
 * 4. a map that only scales a factor of a product moves behind the product.
 * What is left is decided by planned costs (`LinearComposer`): a linear node is composed into all, or one, of its linear
 * readers if the whole graph, laid out anew, gets cheaper.
 */
import { elementCount } from '../../program/layout.ts';
import { CompositionCost, weightedCost, type LatencyPlan } from '../analysis/composition-cost.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { GraphNode, LinearGraph, LinearNode, NodeId } from '../ir/linear-graph.ts';
import { rescalesOf } from '../ir/linear-graph.ts';
import { consumersOf, prune } from '../ir/linear-graph-builder.ts';
import type { MatrixProducts } from '../linear/matrix-products.ts';
import { identity } from '../linear/sparse-matrix.ts';
import { TransformPlanner } from '../linear/transform.ts';
import type { RefreshLevels } from '../targets/target.ts';
import { chooseLayouts } from './choose-layouts.ts';
import { placeLevels } from './place-levels.ts';
import {
  absorbElementwise,
  bypassIdentities,
  composeInto,
  entryCount,
  mapLinear,
  movesOnly,
  scaleBehindProduct,
  tidy,
} from './compose-rules.ts';

/** Composes a reduced graph at one or several prices of a level; alternatives are formed and planned once. */
export class LinearComposer {
  readonly #reduced: LinearGraph;
  readonly #products: MatrixProducts;
  readonly #costs: CompositionCost;
  readonly #alternatives = new WeakMap<LinearGraph, Map<NodeId, LinearGraph[]>>();

  /** @param latency by which alternatives are compared, in one ring: see `layoutLatency` */
  constructor(
    reduced: LinearGraph,
    products: MatrixProducts,
    latency: LatencyPlan,
    refresh: RefreshLevels | null = null,
  ) {
    this.#reduced = reduced;
    this.#products = products;
    this.#costs = new CompositionCost(latency, (graph) => placeLevels(graph, refresh));
  }

  /**
   * The compositions for several weights, cheapest first and shallowest last, without those that another one beats in
   * latency and in depth.
   */
  composeAll(depthWeights: readonly number[]): LinearGraph[] {
    const distinct = [...new Set(depthWeights.map((weight) => this.#search(weight)))];
    if (distinct.length === 1) return [finish(distinct[0]!)];
    const costs = distinct.map((graph) => ({ graph, ...this.#costs.of(graph) }));
    costs.sort((a, b) => a.latencyMs - b.latencyMs || a.length - b.length);
    let shortest = Infinity;
    const useful = costs.filter(({ length }) => {
      if (length >= shortest) return false;
      shortest = length;
      return true;
    });
    return useful.map(({ graph }) => finish(graph));
  }

  /** @param depthWeight how much a level is worth (see `weightedCost`): 1 on average, more for a shorter chain */
  compose(depthWeight: number): LinearGraph {
    return finish(this.#search(depthWeight));
  }

  #search(depthWeight: number): LinearGraph {
    let current = this.#reduced;
    let least = weightedCost(this.#costs.of(current), depthWeight);
    for (let changed = true; changed;) {
      changed = false;
      for (let id = 0; id < current.nodes.length; id++) {
        let best = current;
        for (const alternative of this.#alternativesAt(current, id)) {
          const cost = this.#costs.weighted(alternative, depthWeight, least);
          if (cost >= least) continue;
          best = alternative;
          least = cost;
        }
        if (best === current) continue;
        current = best;
        id = Math.max(0, id - 1) - 1;
        changed = true;
      }
    }
    return current;
  }

  #alternativesAt(graph: LinearGraph, id: NodeId): readonly LinearGraph[] {
    let known = this.#alternatives.get(graph);
    if (known === undefined) this.#alternatives.set(graph, (known = new Map<NodeId, LinearGraph[]>()));
    let own = known.get(id);
    if (own === undefined) known.set(id, (own = alternativesAt(graph, id, this.#products)));
    return own;
  }
}

/**
 * Latency of a graph with the best layouts for single samples. It depends on where entries stand, not on their values: graphs
 * that agree in that, as the same compositions in another order do, are laid out once.
 * @param planner made for `costs`: the ring in which alternatives are compared
 */
export function layoutLatency(costs: CostModel, planner = new TransformPlanner(costs, 1)): LatencyPlan {
  const known = new Map<string, { readonly ms: number; readonly least: number }>();
  return (graph, mostMs) => {
    const structure = structureOf(graph, planner);
    const before = known.get(structure);
    if (before !== undefined && (before.ms < Infinity || before.least >= mostMs)) return before.ms;
    const ms = chooseLayouts(graph, costs, 1, { planner, mostMs })?.latencyMs ?? Infinity;
    known.set(structure, { ms, least: mostMs });
    return ms;
  };
}

/** All that layouts depend on. */
function structureOf(graph: LinearGraph, { problems }: TransformPlanner): string {
  const nodes = graph.nodes.map((node) => {
    const shape = node.shape.join('x');
    switch (node.kind) {
      case 'input':
        return shape;
      case 'linear':
        return `${shape}:${node.terms.map(({ source, matrix }) => `${source}*${problems.pattern(matrix).key}`).join('+')}`;
      case 'polynomial':
        return `${shape}:${node.source}^${node.degree}${node.unitLeading ? 'u' : ''}`;
      case 'refresh':
        return `${shape}:sin${node.source}`;
      case 'product':
        return `${shape}:${node.left}*${node.right}`;
    }
  });
  return [...nodes, ...graph.outputs.map(({ node }) => `>${node}`)].join(';');
}

/** Applies the rules that always pay. */
export function reduceLinear(graph: LinearGraph, products: MatrixProducts): LinearGraph {
  let current = prune(bypassIdentities(mapLinear(graph, tidy)));
  for (let changed = true; changed;) {
    changed = false;
    for (let id = 0; id < current.nodes.length;) {
      const next = rewriteAt(current, id, products);
      if (next === null) {
        id++;
      } else {
        current = prune(bypassIdentities(next));
        id = Math.max(0, id - 1);
        changed = true;
      }
    }
  }
  return current;
}

/** Levels if every linear map could be composed into the linear maps that read it: no composition is shallower. */
export function placeLeast(graph: LinearGraph, refresh: RefreshLevels | null = null): LeveledGraph {
  return placeLevels(graph, refresh, (node, source) =>
    node.kind === 'linear' && source.kind === 'linear' ? 0 : rescalesOf(node),
  );
}

/** The graph after one rule fired at node `id`, or null. */
function rewriteAt(graph: LinearGraph, id: NodeId, products: MatrixProducts): LinearGraph | null {
  const node = graph.nodes[id]!;
  if (node.kind === 'product') return scaleBehindProduct(graph, node);
  if (node.kind !== 'linear') return null;
  const { linear, vanishes } = readersOf(graph, node);
  if (linear.length === 0 || !vanishes) return null;
  if (linear.every((reader) => movesOnly(node, reader))) {
    const everywhere = composeInto(graph, node, linear, products);
    if (everywhere !== null && entryCount(everywhere) <= entryCount(graph)) return everywhere;
  }
  return absorbElementwise(graph, node, linear, products);
}

/** Node `id` composed into all, or one, of its linear readers. */
function alternativesAt(graph: LinearGraph, id: NodeId, products: MatrixProducts): LinearGraph[] {
  const node = graph.nodes[id]!;
  if (node.kind !== 'linear') return [];
  const { linear } = readersOf(graph, node);
  if (linear.length === 0) return [];
  const choices = linear.length > 1 ? [linear, ...linear.map((one) => [one])] : [linear];
  return choices.flatMap((readers) => {
    const composed = composeInto(graph, node, readers, products);
    return composed === null ? [] : [reduceLinear(composed, products)];
  });
}

/** The linear readers of a node, and whether it has no others: composed into all of them, it vanishes. */
function readersOf(graph: LinearGraph, node: LinearNode): { linear: LinearNode[]; vanishes: boolean } {
  const readers = consumersOf(graph)[node.id]!.map((reader) => graph.nodes[reader]!);
  const linear = readers.filter((reader) => reader.kind === 'linear');
  const vanishes =
    linear.length === readers.length && graph.outputs.every((output) => output.node !== node.id);
  return { linear, vanishes };
}

function finish(graph: LinearGraph): LinearGraph {
  return nameLayers(materialiseInputs(graph));
}

/** An output that is an input untouched still needs an instruction, so that the program has one. */
function materialiseInputs(graph: LinearGraph): LinearGraph {
  const nodes: GraphNode[] = [...graph.nodes];
  const outputs = graph.outputs.map((output) => {
    const node = graph.nodes[output.node]!;
    if (node.kind !== 'input') return output;
    const terms = [{ source: node.id, matrix: identity(elementCount(node.shape)) }];
    const { layer, shape, bound } = node;
    nodes.push({ kind: 'linear', id: nodes.length, terms, bias: null, layer, shape, bound });
    return { ...output, node: nodes.length - 1 };
  });
  return { ...graph, nodes, outputs };
}

/** Each ONNX node once per layer, and a polynomial's own name only where the elementwise map around it stands alone. */
function nameLayers(graph: LinearGraph): LinearGraph {
  const polynomials = new Set(
    graph.nodes.filter((node) => node.kind === 'polynomial').map((node) => node.layer),
  );
  return mapLinear(graph, (node) => {
    const names = [...new Set(node.layer.split('+'))];
    const own = names.filter((name) => !polynomials.has(name));
    return { ...node, layer: (own.length > 0 ? own : names).join('+') };
  });
}
