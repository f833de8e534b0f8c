/**
 * First stage: the ONNX graph with static shapes, one node per ONNX operator, constants evaluated, batch-norm and other
 * rewrites expressed in the same vocabulary. Everything downstream reads it; ONNX itself is not seen again.
 */
import type { ConstantTensor } from '../../onnx/constant-tensor.ts';
import type { ClientOperator } from '../../program/signature.ts';

export type Shape = readonly number[];

export type { ConstantTensor };

/** Attribute values as ONNX has them: i → number, f → number, s → string, ints/floats → number[], t → tensor. */
export type AttributeValue = number | string | readonly number[] | readonly string[] | ConstantTensor;

export interface TensorNode {
  /** Unique; the ONNX node's name, or made from its operator and output. Used in every message. */
  readonly name: string;
  /** ONNX operator name, or one of our own: "Polynomial" (see `PolynomialAttributes`). */
  readonly op: string;
  /** Tensor names; '' where an optional input is absent. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export interface TensorGraph {
  readonly name: string;
  /** Operator-set version that node semantics follow (nodes are upgraded to it at import). */
  readonly opset: number;
  /** Names of the graph inputs that will be encrypted. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Topologically ordered. */
  readonly nodes: readonly TensorNode[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
  /** Static shape of every tensor, batch axis included (bound to 1 unless said otherwise). */
  readonly shapes: ReadonlyMap<string, Shape>;
  /** Operators cut off the end of output `outputs[i]`, to be applied by the client after decryption. */
  readonly clientOperators: readonly (readonly ClientOperator[])[];
  /** Outputs of the model that depend on nothing encrypted: known when compiling, and not in `outputs`. */
  readonly constantOutputs: ReadonlyMap<string, ConstantTensor>;
  /** What the model's author should know about how it was read. */
  readonly warnings: readonly string[];
}

/**
 * Attributes of the internal operator "Polynomial": y = Σ_k coefficients[c][k] · T_k((x − center[c]) / halfWidth[c]),
 * where c is the index along `axis` (one polynomial per channel; length-1 arrays mean one for all).
 * coefficients are stored row-major [channels × (degree + 1)]. With `ratio` the argument is refreshed first (see
 * `approx/sine-argument.ts`): T_k of sin(2π REACH t / ratio) in place of t = (x − center[c]) / halfWidth[c].
 */
export interface PolynomialAttributes {
  readonly axis: number;
  readonly degree: number;
  readonly center: readonly number[];
  readonly halfWidth: readonly number[];
  readonly coefficients: readonly number[];
  readonly ratio?: number;
}

export function shapeOf(graph: TensorGraph, tensor: string): Shape {
  const shape = graph.shapes.get(tensor);
  if (shape === undefined) throw new RangeError(`no shape for tensor ${tensor}`);
  return shape;
}
