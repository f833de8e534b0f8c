import { InternalError } from '../../../errors.ts';
import { evaluateChebyshev } from '../../approx/chebyshev.ts';
import { scaleArgument, unitOfArguments } from '../../approx/scale-argument.ts';
import type { PolynomialAttributes, Shape, TensorNode } from '../../ir/tensor-graph.ts';
import type { Operator } from '../operator.ts';
import { stridesOf } from '../shapes.ts';

/** Reads and checks the attributes of a node with op "Polynomial". */
export function polynomialAttributes(node: TensorNode): PolynomialAttributes {
  const { axis, degree, center, halfWidth, coefficients } = node.attributes as Partial<PolynomialAttributes>;
  if (
    typeof axis !== 'number' ||
    typeof degree !== 'number' ||
    !Array.isArray(center) ||
    !Array.isArray(halfWidth) ||
    !Array.isArray(coefficients)
  ) {
    throw new InternalError(`Polynomial '${node.name}' lacks attributes`, { node: node.name });
  }
  const channels = Math.max(center.length, halfWidth.length, coefficients.length / (degree + 1));
  const fits = [center.length, halfWidth.length, coefficients.length / (degree + 1)].every(
    (count) => count === 1 || count === channels,
  );
  if (!fits) throw new InternalError(`Polynomial '${node.name}' has attributes of differing lengths`);
  return { axis, degree, center, halfWidth, coefficients };
}

/** Number of channels that have polynomials of their own. */
export function polynomialChannels(attributes: PolynomialAttributes): number {
  const { center, halfWidth, coefficients, degree } = attributes;
  return Math.max(center.length, halfWidth.length, coefficients.length / (degree + 1));
}

/** One channel's polynomial. */
export function channelPolynomial(
  attributes: PolynomialAttributes,
  channel: number,
): { readonly center: number; readonly halfWidth: number; readonly coefficients: readonly number[] } {
  const { center, halfWidth, coefficients, degree } = attributes;
  const row = coefficients.length === degree + 1 ? 0 : channel;
  return {
    center: center[center.length === 1 ? 0 : channel]!,
    halfWidth: halfWidth[halfWidth.length === 1 ? 0 : channel]!,
    coefficients: coefficients.slice(row * (degree + 1), (row + 1) * (degree + 1)),
  };
}

/**
 * The same polynomials, exact ones (of the argument itself) in a unit that brings small arguments to [−1, 1]: T_k of them cancel until
 * nothing is left of x² = (T_0 + T_2) / 2 where x is 1e-9.
 */
export function inUnitOf(
  attributes: PolynomialAttributes,
  values: Float32Array | Float64Array,
): PolynomialAttributes {
  const { degree, center, halfWidth, coefficients } = attributes;
  const isExact = center.every((value) => value === 0) && halfWidth.every((value) => value === 1);
  if (!isExact) return attributes;
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const s = unitOfArguments(largest, degree);
  if (s === 1) return attributes;
  const rows = coefficients.length / (degree + 1);
  const columns = Array.from({ length: degree + 1 }, (_, k) =>
    Float64Array.from({ length: rows }, (_, row) => coefficients[row * (degree + 1) + k]!),
  );
  const scaled = scaleArgument(columns, s);
  return {
    ...attributes,
    halfWidth: halfWidth.map(() => s),
    coefficients: Array.from(
      coefficients,
      (_, i) => scaled[i % (degree + 1)]![Math.floor(i / (degree + 1))]!,
    ),
  };
}

/** The definition, in float64; `reference/polynomial-node.ts` does the same to large float32 batches, quickly. */
export function evaluatePolynomial(given: PolynomialAttributes, shape: Shape, x: Float64Array): Float64Array {
  const attributes = inUnitOf(given, x);
  const channels = polynomialChannels(attributes);
  const perChannel = Array.from({ length: channels }, (_, channel) => channelPolynomial(attributes, channel));
  const stride = stridesOf(shape)[attributes.axis] ?? 1;
  const size = shape[attributes.axis] ?? 1;
  return x.map((value, element) => {
    const channel = channels === 1 ? 0 : Math.floor(element / stride) % size;
    const { center, halfWidth, coefficients } = perChannel[channel]!;
    return evaluateChebyshev(coefficients, (value - center) / halfWidth);
  });
}

/** Internal: exact polynomials, one per channel. */
export const polynomial: Operator = {
  name: 'Polynomial',
  specUrl: '',
  since: [],
  summary: 'Chebyshev series of (x − center) / halfWidth, per channel',
  category: 'arithmetic',
  inputs: [1, 1],
  attributes: {
    axis: { kind: 'int', required: true },
    degree: { kind: 'int', required: true },
    center: { kind: 'floats', required: true },
    halfWidth: { kind: 'floats', required: true },
    coefficients: { kind: 'floats', required: true },
  },
  parameters: [],
  internal: true,
  inferShapes: (view) => [view.shape(0)],
  behaviour: () => ({ kind: 'polynomial' }),
  evaluate: (view) => {
    const { shape, data } = view.parameter(0);
    return [{ shape, type: 'float', data: evaluatePolynomial(polynomialAttributes(view.node), shape, data) }];
  },
  keepsBatch: (view) => {
    const attributes = polynomialAttributes(view.node);
    return attributes.axis !== 0 || polynomialChannels(attributes) === 1;
  },
};
