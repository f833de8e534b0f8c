import { InternalError } from '../../../errors.ts';
import { evaluateChebyshev } from '../../approx/chebyshev.ts';
import { polynomialArgument } from '../../approx/sine-argument.ts';
import { MOST_SCALED_DEGREE, scaleArgument, unitOfArguments } from '../../approx/scale-argument.ts';
import type { PolynomialAttributes, Shape, TensorNode } from '../../ir/tensor-graph.ts';
import type { Operator } from '../operator.ts';
import { stridesOf } from '../shapes.ts';

/** Reads and checks the attributes of a node with op "Polynomial". */
export function polynomialAttributes(node: TensorNode): PolynomialAttributes {
  const { axis, degree, center, halfWidth, coefficients, ratio } =
    node.attributes as Partial<PolynomialAttributes>;
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
  return { axis, degree, center, halfWidth, coefficients, ...(ratio === undefined ? {} : { ratio }) };
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
 * The same polynomials, in units that bring arguments far below 1 to [−1, 1]: T_k of them cancel until nothing is left of
 * x² = (T_0 + T_2) / 2 where x is 1e-9. Each channel has a unit of its own.
 * @param values any number of samples of a tensor of shape `shape`
 */
export function inUnitOf(
  attributes: PolynomialAttributes,
  shape: Shape,
  values: Float32Array | Float64Array,
): PolynomialAttributes {
  if (attributes.degree > MOST_SCALED_DEGREE || attributes.ratio !== undefined) return attributes;
  const channels = polynomialChannels(attributes);
  const perChannel = Array.from({ length: channels }, (_, channel) => channelPolynomial(attributes, channel));
  const inner = channels === 1 ? values.length : (stridesOf(shape)[attributes.axis] ?? 1);
  const largest = new Float64Array(channels);
  for (let start = 0, channel = 0; start < values.length; start += inner) {
    const { center, halfWidth } = perChannel[channel]!;
    let most = 0;
    for (let i = start; i < start + inner; i++) most = Math.max(most, Math.abs(values[i]! - center));
    largest[channel] = Math.max(largest[channel]!, most / halfWidth);
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  const units = largest.map((most) => unitOfArguments(most, attributes.degree));
  if (units.every((unit) => unit === 1)) return attributes;
  return {
    ...attributes,
    center: perChannel.map(({ center }) => center),
    halfWidth: perChannel.map(({ halfWidth }, channel) => halfWidth * units[channel]!),
    coefficients: perChannel.flatMap(({ coefficients }, channel) => {
      const series = coefficients.map((c) => Float64Array.of(c));
      return scaleArgument(series, units[channel]!).map(([c]) => c!);
    }),
  };
}

/** The definition, in float64; `reference/polynomial-node.ts` does the same to large float32 batches, quickly. */
export function evaluatePolynomial(given: PolynomialAttributes, shape: Shape, x: Float64Array): Float64Array {
  const attributes = inUnitOf(given, shape, x);
  const channels = polynomialChannels(attributes);
  const perChannel = Array.from({ length: channels }, (_, channel) => channelPolynomial(attributes, channel));
  const argument = polynomialArgument(attributes.ratio);
  const stride = stridesOf(shape)[attributes.axis] ?? 1;
  const size = shape[attributes.axis] ?? 1;
  return x.map((value, element) => {
    const channel = channels === 1 ? 0 : Math.floor(element / stride) % size;
    const { center, halfWidth, coefficients } = perChannel[channel]!;
    return evaluateChebyshev(coefficients, argument((value - center) / halfWidth));
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
    ratio: { kind: 'float' },
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
