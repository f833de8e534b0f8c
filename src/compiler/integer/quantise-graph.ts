/**
 * From a linear graph over the reals to one over the integers: every value is an integer vector times a scale per element.
 * Inputs and weights are rounded to so many bits; biases, squares and products follow at the scale that has built up, so
 * that nothing is ever rounded during an evaluation.
 *
 * Rows of one channel share a scale, as large as their largest weight allows; the next map's columns absorb it before they are
 * rounded in turn. Outputs have one scale per tensor, which the client multiplies by.
 */
import { CompileError, InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { InputQuantisation, OutputQuantisation } from '../../program/signature.ts';
import type { InputNode, LinearGraph, LinearNode, PolynomialNode } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { SparseMatrixBuilder } from '../linear/sparse-matrix.ts';
import type { Samples } from '../passes/build-candidate.ts';

export interface QuantisationBits {
  /** Of inputs: unsigned where they never are negative in calibration. */
  readonly input: number;
  /** Of weights, with sign. */
  readonly weight: number;
}

export interface IntegerGraph {
  /** Weights, biases and coefficients are integers; bounds are those of the reals and have to be refreshed. */
  readonly graph: LinearGraph;
  /** Of the graph's inputs, in order. */
  readonly inputs: readonly InputQuantisation[];
  readonly outputs: readonly OutputQuantisation[];
  /** [node][element]: what one unit of the integer is worth. */
  readonly scales: readonly Float64Array[];
}

/**
 * @param samples calibration inputs, which the ranges of inputs are taken from
 * @throws CompileError NOT_AN_INTEGER_MODEL if an activation is not a polynomial of degree 2
 */
export function quantiseGraph(graph: LinearGraph, samples: Samples, bits: QuantisationBits): IntegerGraph {
  const builder = new LinearGraphBuilder();
  const inputs: InputQuantisation[] = [];
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  /** Of every element of every value. */
  const scales: Float64Array[] = [];
  for (const node of graph.nodes) {
    const size = elementCount(node.shape);
    switch (node.kind) {
      case 'input': {
        const quantisation = quantiseInput(node, inputs.length, samples, bits.input);
        inputs.push(quantisation);
        builder.add(node);
        scales.push(new Float64Array(size).fill(quantisation.scale));
        break;
      }
      case 'linear': {
        const whole = outputs.has(node.id);
        const { integers, scale } = quantiseLinear(
          node,
          scales,
          bits.weight,
          whole ? size : channelRows(node),
        );
        builder.add(integers);
        scales.push(scale);
        break;
      }
      case 'polynomial': {
        const { integers, scale } = quantiseSquare(node, scales[node.source]!);
        builder.add(integers);
        scales.push(scale);
        break;
      }
      case 'refresh':
        throw new InternalError('integers are exact: nothing is refreshed');
      case 'product': {
        const right = scales[node.right]!;
        builder.add(node);
        scales.push(scales[node.left]!.map((scale, e) => scale * right[e]!));
        break;
      }
    }
  }
  return {
    graph: builder.build(graph.name, graph.outputs),
    inputs,
    scales,
    outputs: graph.outputs.map(({ name, node }) => {
      const [scale] = scales[node]!;
      if (scale === undefined || scales[node]!.some((other) => other !== scale)) {
        throw new CompileError(
          'NOT_AN_INTEGER_MODEL',
          `output '${name}' is an activation whose elements have different scales`,
          { hint: 'end the model in a linear layer' },
        );
      }
      return { scale };
    }),
  };
}

function quantiseInput(node: InputNode, index: number, samples: Samples, bits: number): InputQuantisation {
  let [low, high] = [0, 0];
  for (const sample of samples) {
    for (const value of sample[index]!) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const largest = Math.max(high, -low);
  if (largest === 0) {
    throw new CompileError('DATASET_MISMATCH', `input '${node.name}' is zero in all calibration inputs`, {
      hint: 'calibrate on inputs like those that the model will see',
    });
  }
  const scale = largest / (2 ** (low < 0 ? bits - 1 : bits) - 1 || 1);
  return { scale, min: Math.round(low / scale) + 0, max: Math.round(high / scale) };
}

/** Rows next to each other that belong to one channel: axis 1 of a tensor with a batch axis. */
function channelRows({ shape }: LinearNode): number {
  return shape.length < 2 ? 1 : elementCount(shape.slice(2));
}

/** Rows in groups of `group` share their scale; constants are rounded like weights. */
function quantiseLinear(
  node: LinearNode,
  scales: readonly Float64Array[],
  bits: number,
  group: number,
): { integers: Omit<LinearNode, 'id'>; scale: Float64Array } {
  const rows = elementCount(node.shape);
  const scale = new Float64Array(rows);
  const limit = 2 ** (bits - 1) - 1;
  for (let first = 0; first < rows; first += group) {
    const last = Math.min(first + group, rows);
    let largest = 0;
    for (const { source, matrix } of node.terms) {
      const own = scales[source]!;
      for (let k = matrix.rowStart[first]!; k < matrix.rowStart[last]!; k++) {
        largest = Math.max(largest, Math.abs(matrix.values[k]! * own[matrix.columns[k]!]!));
      }
    }
    scale.fill(largest / limit, first, last);
  }
  scaleConstants(node, scale);
  const terms = node.terms.map(({ source, matrix }) => {
    const own = scales[source]!;
    const builder = new SparseMatrixBuilder(matrix.rows, matrix.cols);
    for (let r = 0; r < matrix.rows; r++) {
      for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) {
        const column = matrix.columns[k]!;
        builder.add(column, Math.round((matrix.values[k]! * own[column]!) / scale[r]!));
      }
      builder.endRow();
    }
    return { source, matrix: builder.build() };
  });
  const bias = node.bias === null ? null : node.bias.map((value, r) => Math.round(value / scale[r]!) + 0);
  const { kind, layer, shape, bound } = node;
  return { integers: { kind, layer, shape, bound, terms, bias }, scale };
}

/**
 * Rows without weights are constants, whose integers may be large for nothing. They take the smallest unit of the other rows: with a
 * large one they would outweigh the others when the rows of the next map are rounded.
 */
function scaleConstants({ bias }: LinearNode, scale: Float64Array): void {
  const least = scale.reduce((found, own) => (own > 0 ? Math.min(found, own) : found), Infinity);
  for (let r = 0; r < scale.length; r++) {
    if (scale[r]! > 0) continue;
    const own = Math.abs(bias?.[r] ?? 0);
    scale[r] = Number.isFinite(least) ? least : own > 0 ? own : 1;
  }
}

/** x² + c₁x + c₀ with x = s·X is s² (X² + (c₁/s) X + c₀/s²). */
function quantiseSquare(
  node: PolynomialNode,
  source: Float64Array,
): { integers: Omit<PolynomialNode, 'id'>; scale: Float64Array } {
  if (node.degree !== 2 || !node.unitLeading) {
    throw new CompileError(
      'NOT_AN_INTEGER_MODEL',
      `the activation in layer '${node.layer}' is a polynomial of degree ${node.degree}; exact integer programs know squares and products`,
      { node: node.layer, hint: 'use --activation "*=square", or --scheme ckks' },
    );
  }
  const coefficients = node.coefficients.map((values, k) => {
    if (values.every((value) => value === 0)) return new Float64Array(1);
    return source.map((scale, e) => Math.round(values[values.length === 1 ? 0 : e]! / scale ** (2 - k)) + 0);
  });
  if (coefficients.length !== 2) throw new InternalError('a square has two lower coefficients');
  return { integers: { ...node, coefficients }, scale: source.map((scale) => scale * scale) };
}
