/**
 * What one ONNX operator is. A single description per operator (one file each in `ops/`) is the source of its import,
 * attribute validation, shape inference, constant evaluation, linear form or scalar function, documentation and tests.
 *
 * Descriptions speak of the newest form of the operator (operator set 21 semantics); `upgrade` brings older forms there.
 */
import type { ClientOperator } from '../../program/signature.ts';
import type { ConstantTensor, Shape } from '../ir/tensor-graph.ts';
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import type { AttributeSpec } from './attribute-spec.ts';
import type { LegacyNode } from './legacy-node.ts';
import type { NodeView } from './node-view.ts';

/** Operator-set versions that can be read. After 21 our operators gained element types only. */
export const MIN_OPSET = 1;
export const MAX_OPSET = 25;
/** The version whose semantics a TensorGraph follows. */
export const GRAPH_OPSET = 21;

/** Why a node cannot be compiled, and what its author can do about it. */
export interface Refusal {
  readonly reason: string;
  readonly suggestion: string;
}

/** y = Σ matrix_i · input_i + bias over flattened tensors; `input` is the position in the node's input list. */
export interface LinearDefinition {
  readonly terms: readonly { readonly input: number; readonly matrix: SparseMatrix }[];
  readonly bias: Float64Array | null;
}

/**
 * An operator that only moves elements: output element e is element `sources[e]` of the data inputs laid end to end
 * (in the order of `data`), or `fill` where `sources[e]` is -1.
 */
export interface Movement {
  readonly data: readonly number[];
  readonly sources: Int32Array;
  readonly fill: number;
}

export interface ScalarFunction {
  readonly evaluate: (x: number) => number;
  /** f(-x) = f(x). */
  readonly even?: boolean;
}

/** Window w reads elements columns[rowStart[w]] … columns[rowStart[w + 1] - 1] of the input. */
export interface Windows {
  readonly rowStart: Int32Array;
  readonly columns: Int32Array;
}

/** What a node does to encrypted data: decides how it is compiled. */
export type Behaviour =
  | { readonly kind: 'movement'; readonly movement: (output: number) => Movement }
  | {
      readonly kind: 'linear';
      readonly linear: (output: number) => LinearDefinition;
      /** Inputs that an element of an output depends on, at most; left out: it may be all elements of the largest input. */
      readonly perElement?: number;
    }
  | { readonly kind: 'activation'; readonly scalar: ScalarFunction }
  | { readonly kind: 'polynomial' }
  | { readonly kind: 'product' }
  | { readonly kind: 'max-pool'; readonly windows: () => Windows }
  | { readonly kind: 'client'; readonly operator: ClientOperator }
  | { readonly kind: 'constant' };

export type Category = 'linear' | 'activation' | 'pooling' | 'arithmetic' | 'output' | 'constant';

export interface Operator {
  readonly name: string;
  readonly specUrl: string;
  /** Versions of the operator that are understood (its "since version" history within MIN_OPSET … MAX_OPSET). */
  readonly since: readonly number[];
  readonly summary: string;
  /** For the table of supported operators: what is not supported, in a few words. */
  readonly limits?: string;
  readonly category: Category;
  /** Number of inputs, least and most. */
  readonly inputs: readonly [number, number];
  readonly attributes: Readonly<Record<string, AttributeSpec>>;
  /** Inputs that must be known at compile time: weights, shapes, axes … */
  readonly parameters: readonly number[];
  /** Not an ONNX operator: made by our own passes, never read from a file. */
  readonly internal?: boolean;
  /** Rewrites an older form (in place) to the newest one. */
  readonly upgrade?: (node: LegacyNode) => void;
  /** Static shapes of the outputs. Throws ImportError if the node is invalid. */
  readonly inferShapes: (view: NodeView) => readonly Shape[];
  readonly check?: (view: NodeView) => readonly Refusal[];
  readonly behaviour: (view: NodeView) => Behaviour;
  /** Value of a node whose inputs are all constant, where it does not follow from the behaviour. */
  readonly evaluate?: (view: NodeView) => readonly ConstantTensor[];
  /**
   * Whether axis 0 stays a pure batch axis, given that every encrypted input and output has the batch as its first
   * dimension and their ranks fit. Left out: yes.
   */
  readonly keepsBatch?: (view: NodeView) => boolean;
}

export function specUrl(name: string): string {
  return `https://onnx.ai/onnx/operators/onnx__${name}.html`;
}
