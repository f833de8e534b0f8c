/**
 * max-pooling as a tournament of max(a, b) = (a + b)/2 + |a − b|/2, each |d| an activation like others: fitted, refreshed and refitted behind.
 * Much closer to the maximum than an average of polynomials is, at one activation a round instead of one in all, and so worth it where
 * refreshes give the levels and the bound on accuracy is not kept otherwise. An increasing activation before the pool moves behind
 * it, where there are fewer values.
 */
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { classify } from '../onnx/classify.ts';
import { indexGraph, type GraphIndex } from '../onnx/graph-index.ts';
import { FragmentBuilder } from './approximation/graph-fragment.ts';
import { maxPoolAxes } from './approximation/pool-axes.ts';
import { appendTournament, roundsOf } from './approximation/tournament.ts';

/** f(max(a, b)) = max(f(a), f(b)), whatever their attributes. */
const INCREASING = new Set(['Relu', 'Clip', 'Sigmoid', 'Tanh', 'Softplus']);

/**
 * @param chosen names of nodes that somebody has made a choice for, or "*": these stay
 * @returns null if there is nothing to split
 */
export function splitMaxPools(
  graph: TensorGraph,
  chosen: Pick<ReadonlySet<string>, 'has'> = new Set(),
): TensorGraph | null {
  if (chosen.has('*')) return null;
  const index = indexGraph(graph);
  const replaced = new Map<TensorNode, readonly TensorNode[]>();
  const shapes = new Map(graph.shapes);
  const constants = new Map(graph.constants);
  for (const pool of graph.nodes) {
    if (classify(graph, pool) !== 'max-pool' || chosen.has(pool.name)) continue;
    const axes = maxPoolAxes(graph, pool);
    if (roundsOf(axes) === 0) continue;
    const before = increasingBefore(graph, index, pool);
    if (before !== null && chosen.has(before.name)) continue;
    const builder = new FragmentBuilder(graph, `${pool.name}/max`);
    const [output] = pool.outputs;
    const pooled = before === null ? output! : `${output}_pooled`;
    appendTournament(builder, (before ?? pool).inputs[0]!, pooled, axes, (difference) => {
      const shape = builder.shapeOf(difference);
      const half = builder.constant('half', [0.5], []);
      return {
        half: builder.node('Mul', [builder.node('Abs', [difference], shape), half], shape),
        atZero: 0,
      };
    });
    for (const [name, shape] of builder.shapes) shapes.set(name, shape);
    for (const [name, constant] of builder.constants) {
      constants.set(name, constant);
      shapes.set(name, constant.shape);
    }
    shapes.set(pooled, shapeOf(graph, output!));
    if (before !== null) {
      replaced.set(before, []);
      shapes.delete(before.outputs[0]!);
    }
    const after = before === null ? [] : [behind(before, pooled, output!)];
    replaced.set(pool, [...builder.nodes, ...after]);
  }
  if (replaced.size === 0) return null;
  return { ...graph, nodes: graph.nodes.flatMap((node) => replaced.get(node) ?? [node]), shapes, constants };
}

/** The activation that a pool alone reads, if it may as well come behind. */
function increasingBefore(graph: TensorGraph, index: GraphIndex, pool: TensorNode): TensorNode | null {
  const [input] = pool.inputs;
  const before = graph.nodes[index.makers.get(input!) ?? -1];
  if (before === undefined || !INCREASING.has(before.op) || graph.constants.has(before.inputs[0]!))
    return null;
  return index.users.get(input!)!.length === 1 && !index.outputs.has(input!) ? before : null;
}

function behind(activation: TensorNode, input: string, output: string): TensorNode {
  return { ...activation, inputs: [input, ...activation.inputs.slice(1)], outputs: [output] };
}
