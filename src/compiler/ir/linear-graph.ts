/**
 * Third stage: nothing but inputs, linear maps, polynomials, products and refreshes. Additions, convolutions, pooling, reshapes,
 * batch-norm, residual connections … all are terms of linear nodes.
 */
import { polynomialDepth } from '../../program/program.ts';
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import type { Shape } from './tensor-graph.ts';

export type NodeId = number;

interface NodeBase {
  readonly id: NodeId;
  /** ONNX node names that went into it, joined by "+". */
  readonly layer: string;
  readonly shape: Shape;
  /** Largest |element| seen in calibration (of this node's value, after any folding), with margin. */
  readonly bound: number;
  /** What a value of 1 stands for, if not for 1: a power of two (see `normalise-magnitudes`). */
  readonly unit?: number;
}

export interface InputNode extends NodeBase {
  readonly kind: 'input';
  readonly name: string;
}

/** y = Σ matrix_i · x_i + bias; elements row-major; matrix rows = elements of y, columns = elements of x_i. */
export interface LinearNode extends NodeBase {
  readonly kind: 'linear';
  readonly terms: readonly { readonly source: NodeId; readonly matrix: SparseMatrix }[];
  readonly bias: Float64Array | null;
}

/**
 * y = Σ_k coefficients[k][e] T_k(x_e). `coefficients[k]` has one entry per element, or a single one for all.
 * If `unitLeading`: y = T_{d/2}(x)² + Σ_{k<d} …, see PolynomialInstruction.
 */
export interface PolynomialNode extends NodeBase {
  readonly kind: 'polynomial';
  readonly source: NodeId;
  readonly degree: number;
  readonly unitLeading: boolean;
  readonly coefficients: readonly Float64Array[];
}

export interface ProductNode extends NodeBase {
  readonly kind: 'product';
  readonly left: NodeId;
  readonly right: NodeId;
}

/** y = sin(2π x / ratio), far above the level that x has; x in ±1 where it matters. */
export interface RefreshNode extends NodeBase {
  readonly kind: 'refresh';
  readonly source: NodeId;
  readonly ratio: number;
}

export type GraphNode = InputNode | LinearNode | PolynomialNode | ProductNode | RefreshNode;

export interface LinearGraph {
  readonly name: string;
  /** Topologically ordered; ids are indices. */
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly { readonly name: string; readonly node: NodeId }[];
}

export function sourcesOf(node: GraphNode): readonly NodeId[] {
  switch (node.kind) {
    case 'input':
      return [];
    case 'linear':
      return node.terms.map((term) => term.source);
    case 'polynomial':
    case 'refresh':
      return [node.source];
    case 'product':
      return [node.left, node.right];
  }
}

/** Rescales that computing the node takes; what a refresh takes, it takes of the bottom and the top of the chain. */
export function rescalesOf(node: GraphNode): number {
  switch (node.kind) {
    case 'input':
    case 'refresh':
      return 0;
    case 'linear':
    case 'product':
      return 1;
    case 'polynomial':
      return polynomialDepth(node.degree, node.unitLeading);
  }
}
