/**
 * Takes the leading coefficient out of every polynomial whose degree is a power of two, which saves it a level.
 *
 * With T_d = 2 T_{d/2}² − 1, p = Σ_{k≤d} c_k T_k = f · [T_{d/2}² + Σ_{1≤k<d} (c_k / f) T_k] + (c_0 − c_d), f = 2 c_d. What is
 * in brackets needs no multiplication at its top: depth log2(d) instead of ⌈log2(d + 1)⌉. f and c_0 − c_d become an
 * elementwise map behind it, which `compose-linear` multiplies into whatever linear map comes next.
 *
 * A quadratic goes further: x² + bx = (x + b/2)² − b²/4, so that a bare square remains, without any plaintext operation
 * and thus without a loss of scale; and its input is scaled by a power of two so that values stay near 1.
 */
import { elementCount } from '../../program/layout.ts';
import { BOUND_OF_ZERO } from '../analysis/bounds.ts';
import { argumentUnit } from '../analysis/units.ts';
import { MOST_SCALED_DEGREE, scaleArgument } from '../approx/scale-argument.ts';
import type { LinearGraph, NodeId, PolynomialNode } from '../ir/linear-graph.ts';
import { LinearGraphBuilder, consumersOf, elementwise, withSources } from '../ir/linear-graph-builder.ts';
import { SparseMatrixBuilder } from '../linear/sparse-matrix.ts';

/**
 * Elements whose leading coefficient is (nearly) zero, such as a ReLU channel that is always active, get this fraction
 * of their largest coefficient instead, so that one plan fits the whole tensor. Adds an error of the same fraction, far
 * below that of any approximation, and costs 19 bits of headroom in the bracket at most.
 */
export const LEADING_FLOOR = 2 ** -20;

/** A degree whose terms are all this much smaller than the element's largest is rounding noise of the fit. */
const NEGLIGIBLE = 2 ** -40;

/** Largest |b/2| for which squares are completed: (x + b/2)² must not dwarf the difference that matters. */
const LARGEST_SHIFT = 8;

export function normalisePolynomials(graph: LinearGraph): LinearGraph {
  const consumers = consumersOf(graph);
  const outputs = new Set(graph.outputs.map((output) => output.node));
  const builder = new LinearGraphBuilder();
  const renumbered: NodeId[] = [];
  for (const node of graph.nodes) {
    const moved = withSources(node, (source) => renumbered[source]!);
    if (moved.kind !== 'polynomial' || moved.unitLeading) {
      renumbered.push(builder.add(moved));
      continue;
    }
    const feedsLinearOnly =
      !outputs.has(node.id) && consumers[node.id]!.every((id) => graph.nodes[id]!.kind === 'linear');
    renumbered.push(normalise(builder, moved, feedsLinearOnly));
  }
  return builder.build(
    graph.name,
    graph.outputs.map((output) => ({ ...output, node: renumbered[output.node]! })),
  );
}

/** Appends nodes that together compute `given`; returns the last. */
function normalise(builder: LinearGraphBuilder, given: PolynomialNode, feedsLinearOnly: boolean): NodeId {
  const size = elementCount(given.shape);
  const unit = unitOfArgument(builder, given);
  const terms = unit === 1 ? given.coefficients : scaleArgument(given.coefficients, unit);
  const degree = effectiveDegree(given, size, coefficientsOf(terms));
  const node = truncated(given, degree, terms, unit);
  const coefficient = coefficientsOf(node.coefficients);
  if (degree === 0) return constant(builder, node, size, coefficient);
  if (degree === 1) return affine(builder, node, size, coefficient);
  const elements = terms.every(({ length }) => length === 1) ? 1 : size;
  const isFloored = Array.from({ length: elements }, (_, e) => needsFloor(coefficientsOf(terms), degree, e));
  // T_d of an argument in a unit has parts of all powers without it, which cancel where the argument is small.
  const canFloor = unit === 1 || !isFloored.includes(true);
  if (!Number.isInteger(Math.log2(degree)) || !canFloor) return builder.add(node);

  const factors = new Float64Array(size);
  const offsets = new Float64Array(size);
  const inner = Array.from({ length: degree }, () => new Float64Array(size));
  for (let e = 0; e < size; e++) {
    const leading = unit === 1 ? flooredLeading(coefficient, degree, e) : coefficient(degree, e);
    factors[e] = 2 * leading;
    offsets[e] = coefficient(0, e) - leading;
    for (let k = 1; k < degree; k++) inner[k]![e] = leading === 0 ? 0 : coefficient(k, e) / (2 * leading);
  }
  const source = degree === 2 ? completeSquares(builder, node, factors, offsets, inner[1]!) : node.source;

  // In a linear map behind, the constant is free. Elsewhere it stays inside, where it takes an addition: a map that only
  // scales can still be moved behind a product, and one that does nothing is not needed.
  if (!feedsLinearOnly && factors.every((factor) => factor !== 0)) {
    for (let e = 0; e < size; e++) inner[0]![e] = offsets[e]! / factors[e]!;
    offsets.fill(0);
  }
  const bracket = builder.add({
    kind: 'polynomial',
    source,
    degree,
    unitLeading: true,
    coefficients: inner.map(shared),
    layer: node.layer,
    shape: node.shape,
    bound: bracketBound(node.bound, factors, offsets),
  });
  const { layer, shape, bound } = node;
  if (factors.every((factor) => factor === 1) && offsets.every((offset) => offset === 0)) return bracket;
  return builder.add(elementwise(bracket, factors, offsets, { layer, shape, bound }));
}

type CoefficientOf = (k: number, element: number) => number;

function coefficientsOf(coefficients: readonly Float64Array[]): CoefficientOf {
  return (k, e) => {
    const values = coefficients[k]!;
    return values[values.length === 1 ? 0 : e]!;
  };
}

/** What terms contribute shows in T_k of an argument in [−1, 1] only. */
function unitOfArgument(builder: LinearGraphBuilder, { source, degree }: PolynomialNode): number {
  return degree > MOST_SCALED_DEGREE ? 1 : 2 ** argumentUnit(builder.node(source).bound);
}

/** Without the terms above `degree`; `terms` are the coefficients for an argument in `unit`. */
function truncated(
  node: PolynomialNode,
  degree: number,
  terms: readonly Float64Array[],
  unit: number,
): PolynomialNode {
  if (degree === node.degree) return node;
  const kept = terms.slice(0, degree + 1);
  return { ...node, degree, coefficients: unit === 1 ? kept : scaleArgument(kept, 1 / unit) };
}

/** Highest degree that matters for any element. */
function effectiveDegree(node: PolynomialNode, size: number, coefficient: CoefficientOf): number {
  const elements = node.coefficients.every((values) => values.length === 1) ? 1 : size;
  let degree = 0;
  for (let e = 0; e < elements; e++) {
    let largest = 0;
    for (let k = 1; k <= node.degree; k++) largest = Math.max(largest, Math.abs(coefficient(k, e)));
    for (let k = node.degree; k > degree; k--) {
      if (Math.abs(coefficient(k, e)) > NEGLIGIBLE * largest) degree = k;
    }
  }
  return degree;
}

/** c_d, away from zero unless the element is constant; a constant element gets 0 and so drops out of the map behind. */
function flooredLeading(coefficient: CoefficientOf, degree: number, e: number): number {
  const leading = coefficient(degree, e);
  if (!needsFloor(coefficient, degree, e)) return leading;
  return (leading < 0 ? -1 : 1) * LEADING_FLOOR * largestBelow(coefficient, degree, e);
}

function needsFloor(coefficient: CoefficientOf, degree: number, e: number): boolean {
  return Math.abs(coefficient(degree, e)) < LEADING_FLOOR * largestBelow(coefficient, degree, e);
}

function largestBelow(coefficient: CoefficientOf, degree: number, e: number): number {
  let largest = 0;
  for (let k = 1; k < degree; k++) largest = Math.max(largest, Math.abs(coefficient(k, e)));
  return largest;
}

/**
 * x = s·u − h with h = b/2 makes f (x² + b x) = f s² · u² − f h². Changes `factors`, `offsets` and `linear` (the
 * b) accordingly and returns u. Nothing is done where it would cost a level: when no linear map comes before.
 */
function completeSquares(
  builder: LinearGraphBuilder,
  node: PolynomialNode,
  factors: Float64Array,
  offsets: Float64Array,
  linear: Float64Array,
): NodeId {
  const before = builder.node(node.source);
  if (before.kind !== 'linear') return node.source;
  const scale = 2 ** Math.round(Math.log2(before.bound));
  const complete = linear.every((b) => Math.abs(b / 2) <= LARGEST_SHIFT * scale);
  const shifts = linear.map((b) => (complete ? b / 2 : 0));
  const shifted = shifts.some((h) => h !== 0);
  for (let e = 0; e < linear.length; e++) {
    const h = shifts[e]!;
    if (h !== 0) offsets[e] = offsets[e]! - factors[e]! * h * h;
    factors[e] = factors[e]! * scale * scale;
    linear[e] = complete ? 0 : linear[e]! / scale;
  }
  if (scale === 1 && !shifted) return node.source;
  const largestShift = shifts.reduce((largest, h) => Math.max(largest, Math.abs(h)), 0);
  return builder.add(
    elementwise(
      node.source,
      new Float64Array(linear.length).fill(1 / scale),
      shifted ? shifts.map((h) => h / scale) : null,
      { layer: node.layer, shape: node.shape, bound: (before.bound + largestShift) / scale },
    ),
  );
}

function constant(
  builder: LinearGraphBuilder,
  node: PolynomialNode,
  size: number,
  coefficient: CoefficientOf,
): NodeId {
  const { layer, shape, bound, source } = node;
  const bias = Float64Array.from({ length: size }, (_, e) => coefficient(0, e));
  const terms = [{ source, matrix: new SparseMatrixBuilder(size, size).build() }];
  return builder.add({ kind: 'linear', terms, bias, layer, shape, bound });
}

function affine(
  builder: LinearGraphBuilder,
  node: PolynomialNode,
  size: number,
  coefficient: CoefficientOf,
): NodeId {
  const { layer, shape, bound, source } = node;
  const factors = Float64Array.from({ length: size }, (_, e) => coefficient(1, e));
  const offsets = Float64Array.from({ length: size }, (_, e) => coefficient(0, e));
  return builder.add(elementwise(source, factors, offsets, { layer, shape, bound }));
}

/** The bracket is (p − offset) / f. */
function bracketBound(bound: number, factors: Float64Array, offsets: Float64Array): number {
  let largest = 0;
  for (let e = 0; e < factors.length; e++) {
    if (factors[e] !== 0)
      largest = Math.max(largest, (bound + Math.abs(offsets[e]!)) / Math.abs(factors[e]!));
  }
  return largest === 0 ? BOUND_OF_ZERO : largest;
}

/** One number instead of an array of equal ones: the evaluator then needs no encoded vector. */
function shared(values: Float64Array): Float64Array {
  return values.every((value) => value === values[0]) ? values.slice(0, 1) : values;
}
