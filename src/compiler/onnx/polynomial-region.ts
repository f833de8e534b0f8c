/**
 * Regions of Add, Sub, Mul, Neg, Div and Pow with constants that differ at most per channel are polynomials; here their
 * coefficients are computed symbolically, in the Chebyshev basis of the affinely normalised variable.
 */
import {
  CHEBYSHEV,
  losesTerms,
  POWERS,
  TERM_SIZES,
  type SeriesArithmetic,
} from '../approx/series-arithmetic.ts';
import type {
  ConstantTensor,
  PolynomialAttributes,
  Shape,
  TensorGraph,
  TensorNode,
} from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import type { Region } from './region.ts';
import { encryptedInputs, keepsShape } from './region.ts';

/** Highest total degree that is recognised. */
export const MAX_POLYNOMIAL_DEGREE = 64;

const POLYNOMIAL_OPERATORS: ReadonlySet<string> = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'Pow',
  'Sum',
  'Mean',
]);

/** Per channel (or a single one for all): coefficients of T_k or of powers. */
type Series = readonly Float64Array[];

/** Axis of the output along which a constant varies; −1 if it is a single number, null if it varies along several. */
function channelAxis(constant: ConstantTensor, shape: Shape): number | null {
  if (constant.shape.length > shape.length) return constant.data.length === 1 ? -1 : null;
  const offset = shape.length - constant.shape.length;
  const long = constant.shape.flatMap((dim, axis) => (dim === 1 ? [] : [axis + offset]));
  return long.length === 0 ? -1 : long.length === 1 ? long[0]! : null;
}

/** Whether the node may be part of a polynomial region. */
export function isPolynomialNode(graph: TensorGraph, node: TensorNode): boolean {
  if (!POLYNOMIAL_OPERATORS.has(node.op) || !keepsShape(graph, node)) return false;
  const constants = node.inputs.map((input) => graph.constants.get(input) ?? null);
  const shape = shapeOf(graph, node.outputs[0]!);
  if (constants.some((constant) => constant !== null && channelAxis(constant, shape) === null)) return false;
  if (node.op === 'Div')
    return constants[0] === null && constants[1] !== null && !constants[1]!.data.includes(0);
  if (node.op === 'Pow') return constants[0] === null && constants[1] !== null && isSmallPower(constants[1]!);
  return true;
}

function isSmallPower(constant: ConstantTensor): boolean {
  return constant.data.every(
    (exponent) => Number.isInteger(exponent) && exponent >= 0 && exponent <= MAX_POLYNOMIAL_DEGREE,
  );
}

/** Whether the node is of degree one in a single operand: scaling or shifting by constants. */
export function isAffineNode(graph: TensorGraph, node: TensorNode): boolean {
  return node.op !== 'Pow' && isPolynomialNode(graph, node) && encryptedInputs(graph, node).length === 1;
}

/**
 * The polynomial that the region computes, or null if it is none of degree 2 … 64, its constants vary along different axes, or its
 * terms differ so much that T_k would lose some. Shifts and scalings before the first branching become centre and half-width, as
 * `encodePolynomial` writes them.
 */
export function polynomialOfRegion(graph: TensorGraph, region: Region): PolynomialAttributes | null {
  const shape = shapeOf(graph, region.output);
  const axes = new Set<number>();
  for (const node of region.nodes) {
    for (const input of node.inputs) {
      const constant = graph.constants.get(input);
      if (constant !== undefined) axes.add(channelAxis(constant, shape) ?? -2);
    }
  }
  axes.delete(-1);
  if (axes.size > 1 || axes.has(-2)) return null;
  const [axis = shape.length > 1 ? 1 : 0] = axes;
  const channels = axes.size === 0 ? 1 : shape[axis]!;
  const constantOf = (name: string): Float64Array | null => {
    const constant = graph.constants.get(name);
    if (constant === undefined) return null;
    return constant.data.length === 1 ? new Float64Array(channels).fill(constant.data[0]!) : constant.data;
  };
  const prefix = affinePrefix(graph, region, channels, constantOf);
  const [series, powers, sizes] = [CHEBYSHEV, POWERS, TERM_SIZES].map((arithmetic) =>
    seriesOfRegion(region, prefix, arithmetic, constantOf),
  ) as [Series | null, Series | null, Series | null];
  if (series === null || powers?.some((own, channel) => losesTerms(own, sizes![channel]!)) === true)
    return null;
  return toAttributes(axis, prefix, series);
}

/** Null where the degree is too high. */
function seriesOfRegion(
  region: Region,
  { variable, sign, length }: Prefix,
  arithmetic: SeriesArithmetic,
  constantOf: (name: string) => Float64Array | null,
): Series | null {
  const one = Float64Array.of(1);
  const values = new Map<string, Series>([
    [variable, Array.from(sign, (factor) => arithmetic.scale(Float64Array.of(0, 1), factor))],
  ]);
  for (const node of region.nodes.slice(length)) {
    const operands = node.inputs.map((input): Series => {
      const constant = constantOf(input);
      return constant === null
        ? values.get(input)!
        : Array.from(constant, (value) => arithmetic.scale(one, value));
    });
    const result = applyNode(node, operands, arithmetic);
    if (result === null) return null;
    values.set(node.outputs[0]!, result);
  }
  return values.get(region.output)!;
}

interface Prefix {
  /** Number of nodes absorbed. */
  readonly length: number;
  /** Tensor that equals (x − center) / halfWidth, times sign. */
  readonly variable: string;
  readonly center: Float64Array;
  readonly halfWidth: Float64Array;
  readonly sign: Float64Array;
}

/** Follows shifts and scalings from the source, as long as each is the only reader of the one before. */
function affinePrefix(
  graph: TensorGraph,
  region: Region,
  channels: number,
  constantOf: (name: string) => Float64Array | null,
): Prefix {
  const center = new Float64Array(channels);
  const width = new Float64Array(channels).fill(1);
  let variable = region.source;
  let length = 0;
  for (const node of region.nodes) {
    const readers = region.nodes.flatMap((other) => other.inputs.filter((input) => input === variable));
    if (readers.length !== 1 || !isAffineNode(graph, node) || !node.inputs.includes(variable)) break;
    const other = node.inputs.find((input) => input !== variable);
    const constant = other === undefined ? null : constantOf(other);
    const first = node.inputs[0] === variable;
    if (node.op === 'Add' && constant !== null)
      constant.forEach((value, c) => (center[c]! -= value * width[c]!));
    else if (node.op === 'Sub' && constant !== null && first)
      constant.forEach((value, c) => (center[c]! += value * width[c]!));
    else if (node.op === 'Div' && constant !== null) constant.forEach((value, c) => (width[c]! *= value));
    else if (node.op === 'Mul' && constant?.includes(0) === false)
      constant.forEach((value, c) => (width[c]! /= value));
    else break;
    variable = node.outputs[0]!;
    length++;
  }
  return { length, variable, center, halfWidth: width.map(Math.abs), sign: width.map(Math.sign) };
}

function applyNode(
  node: TensorNode,
  operands: readonly Series[],
  { add, multiply, scale }: SeriesArithmetic,
): Series | null {
  const [first, second] = operands as [Series, Series | undefined];
  const combine = (
    other: Series,
    apply: (a: Float64Array, b: Float64Array) => Float64Array,
    from = first,
  ): Series => from.map((series, channel) => apply(series, other[channel]!));
  const degree = (series: Series): number => series[0]!.length - 1;
  switch (node.op) {
    case 'Add':
    case 'Sum':
    case 'Mean': {
      const total = operands
        .slice(1)
        .reduce((sum, operand) => combine(operand, (a, b) => add(a, b, 1), sum), first);
      const factor = node.op === 'Mean' ? 1 / operands.length : 1;
      return total.map((series) => scale(series, factor));
    }
    case 'Sub':
      return combine(second!, (a, b) => add(a, b, -1));
    case 'Neg':
      return first.map((series) => scale(series, -1));
    case 'Div':
      return combine(second!, (a, b) => a.map((value) => value / b[0]!));
    case 'Mul':
      return degree(first) + degree(second!) > MAX_POLYNOMIAL_DEGREE ? null : combine(second!, multiply);
    case 'Pow': {
      const exponents = second!.map((series) => series[0]!);
      const most = Math.max(...exponents);
      if (degree(first) * most > MAX_POLYNOMIAL_DEGREE) return null;
      return first.map((series, channel) => {
        let power: Float64Array = Float64Array.of(1);
        for (let k = 0; k < exponents[channel]!; k++) power = multiply(power, series);
        return add(new Float64Array(degree(first) * most + 1), power, 1);
      });
    }
    default:
      return null;
  }
}

function toAttributes(axis: number, prefix: Prefix, series: Series): PolynomialAttributes | null {
  let degree = series[0]!.length - 1;
  while (degree > 0 && series.every((coefficients) => coefficients[degree] === 0)) degree--;
  if (degree < 2) return null;
  return {
    axis,
    degree,
    center: Array.from(prefix.center),
    halfWidth: Array.from(prefix.halfWidth),
    coefficients: series.flatMap((coefficients) => Array.from(coefficients.subarray(0, degree + 1))),
  };
}
