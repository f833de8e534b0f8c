/** Which polynomials of a model with refreshes may run away without anything showing it. */
import { evaluateChebyshev } from '../../approx/chebyshev.ts';
import type { TensorGraph, TensorNode } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';
import { channelPolynomial, polynomialAttributes, polynomialChannels } from '../../onnx/ops/polynomial.ts';
import { encryptedInputs } from '../../reference/onnx-runner.ts';

/** |t| of a single value that need not be refused: polynomials are still near their activations there, or follow them at least. */
export const TOLERATED = 1.25;

/** Points of [−1, 1] at which a polynomial is looked at for its extremes. */
const POINTS = Array.from({ length: 129 }, (_, i) => i / 64 - 1);

/**
 * Polynomials without a refresh before them whose output comes to a refresh and to no other such polynomial before it: where there
 * is another one, what runs away in the first does so in the other.
 */
export function polynomialsToGuard(graph: TensorGraph): TensorNode[] {
  if (!graph.nodes.some(isRefreshed)) return [];
  const readers = new Map<string, TensorNode[]>();
  const makers = new Map<string, TensorNode>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) makers.set(output, node);
    for (const input of encryptedInputs(graph, node)) {
      const list = readers.get(input);
      if (list === undefined) readers.set(input, [node]);
      else list.push(node);
    }
  }
  const risky = new Set(
    graph.nodes.filter(
      (node) =>
        node.op === 'Polynomial' &&
        !isRefreshed(node) &&
        shapeOf(graph, node.inputs[0]!).length >= 2 &&
        !isBounded(node, makers),
    ),
  );
  return [...risky].filter((node) => {
    const next = firstReached(node, readers, (reader) => isRefreshed(reader) || risky.has(reader));
    return next.length > 0 && next.every(isRefreshed);
  });
}

function isRefreshed(node: TensorNode): boolean {
  return node.op === 'Polynomial' && node.attributes['ratio'] !== undefined;
}

/** Of the nodes that `ends` holds for, those that the node's output comes to past none of them. */
function firstReached(
  from: TensorNode,
  readers: ReadonlyMap<string, readonly TensorNode[]>,
  ends: (node: TensorNode) => boolean,
): TensorNode[] {
  const seen = new Set<TensorNode>([from]);
  // Grows while it is gone through.
  for (const node of seen) {
    if (node !== from && ends(node)) continue;
    for (const output of node.outputs) for (const reader of readers.get(output) ?? []) seen.add(reader);
  }
  return [...seen].filter((node) => node !== from && ends(node));
}

/** Whether all that comes to it are averages of polynomials of a sine that stay near its range, as behind a max-pool that is refreshed. */
function isBounded(node: TensorNode, makers: ReadonlyMap<string, TensorNode>): boolean {
  let maker = makers.get(node.inputs[0]!);
  while (maker?.op === 'AveragePool') maker = makers.get(maker.inputs[0]!);
  if (maker === undefined || !isRefreshed(maker)) return false;
  const [inner, outer] = [polynomialAttributes(maker), polynomialAttributes(node)];
  const channels = Math.max(polynomialChannels(inner), polynomialChannels(outer));
  return Array.from({ length: channels }, (_, channel) => channel).every((channel) => {
    const { coefficients } = channelPolynomial(inner, channel);
    const { center, halfWidth } = channelPolynomial(outer, channel);
    return POINTS.every(
      (t) => Math.abs(evaluateChebyshev(coefficients, t) - center) <= TOLERATED * halfWidth,
    );
  });
}
