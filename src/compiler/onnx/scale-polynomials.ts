/** Polynomials of small arguments, written so that float32 keeps them. */
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { inUnitOf, polynomialAttributes, polynomialChannels } from './ops/polynomial.ts';

/** Of a tensor, as far as it is known. */
export type Extents = ReadonlyMap<string, { readonly min: number; readonly max: number }>;

/**
 * The same graph, its polynomials in units of their arguments: T_k of what is far below 1 cancel, in float32 from 1e-4 on, so that
 * onnxruntime would find nothing of a square of 1e-9.
 */
export function scalePolynomials(graph: TensorGraph, extents: Extents): TensorGraph {
  const nodes = graph.nodes.map((node) => {
    const extent = node.op === 'Polynomial' ? extents.get(node.inputs[0]!) : undefined;
    if (extent === undefined) return node;
    const attributes = polynomialAttributes(node);
    const channels = polynomialChannels(attributes);
    const shape = [...new Array<number>(attributes.axis).fill(1), channels];
    const ends = [extent.min, extent.max].flatMap((end) => new Array<number>(channels).fill(end));
    return { ...node, attributes: { ...inUnitOf(attributes, shape, Float64Array.from(ends)) } };
  });
  return { ...graph, nodes };
}
