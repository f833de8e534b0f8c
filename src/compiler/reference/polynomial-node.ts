/** The internal operator "Polynomial" on large float32 batches: many times faster than as a chain of ONNX nodes. */
import { evaluateChebyshev } from '../approx/chebyshev.ts';
import { quickPolynomialArgument } from '../approx/sine-argument.ts';
import { inUnitOf } from '../onnx/ops/polynomial.ts';
import type { PolynomialAttributes, Shape } from '../ir/tensor-graph.ts';

/** How a tensor falls into channels along an axis: `inner` contiguous elements each, `outer` times per sample. */
export interface ChannelLayout {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

export function channelLayout(shape: Shape, axis: number): ChannelLayout {
  const product = (sizes: readonly number[]): number => sizes.reduce((total, size) => total * size, 1);
  return {
    outer: product(shape.slice(0, axis)),
    channels: shape[axis] ?? 1,
    inner: product(shape.slice(axis + 1)),
  };
}

/** Values advanced together: Clenshaw's recurrence is bound by latency for one value, by throughput for many. */
const BLOCK = 256;

/** @param values any number of samples of a tensor of shape `shape` */
export function evaluatePolynomial(
  given: PolynomialAttributes,
  shape: Shape,
  values: Float32Array,
): Float32Array {
  const attributes = inUnitOf(given, shape, values);
  const { degree, center, halfWidth, ratio } = attributes;
  const argument = quickPolynomialArgument(ratio);
  const coefficients = Float64Array.from(attributes.coefficients);
  const { channels, inner } = channelLayout(shape, attributes.axis);
  const blockwise = inner >= 16 ? clenshawBlocks(coefficients, degree, argument) : null;
  const result = new Float32Array(values.length);
  for (let start = 0, channel = 0; start < values.length; start += inner) {
    const shift = center.length === 1 ? center[0]! : center[channel]!;
    const factor = 1 / (halfWidth.length === 1 ? halfWidth[0]! : halfWidth[channel]!);
    const offset = coefficients.length === degree + 1 ? 0 : channel * (degree + 1);
    if (blockwise !== null) {
      blockwise(values, result, start, start + inner, shift, factor, offset);
    } else {
      for (let i = start; i < start + inner; i++) {
        result[i] = evaluateChebyshev(coefficients, argument((values[i]! - shift) * factor), offset, degree);
      }
    }
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  return result;
}

type BlockEvaluation = (
  values: Float32Array,
  result: Float32Array,
  start: number,
  end: number,
  shift: number,
  factor: number,
  offset: number,
) => void;

/** `evaluateChebyshev` with the loops exchanged; even series take half the steps: T_2k(t) = T_k(2t² − 1). */
function clenshawBlocks(
  coefficients: Float64Array,
  degree: number,
  argument: (t: number) => number,
): BlockEvaluation {
  const isEven = coefficients.every((c, i) => (i % (degree + 1)) % 2 === 0 || c === 0);
  const step = isEven ? 2 : 1;
  const last = degree - (degree % step);
  const twice = new Float64Array(BLOCK);
  const current = new Float64Array(BLOCK);
  const next = new Float64Array(BLOCK);
  return (values, result, start, end, shift, factor, offset) => {
    for (let from = start; from < end; from += BLOCK) {
      const count = Math.min(BLOCK, end - from);
      for (let i = 0; i < count; i++) {
        const t = argument((values[from + i]! - shift) * factor);
        twice[i] = isEven ? 4 * t * t - 2 : 2 * t;
        current[i] = 0;
        next[i] = 0;
      }
      for (let k = last; k > 0; k -= step) {
        const coefficient = coefficients[offset + k]!;
        for (let i = 0; i < count; i++) {
          const value = current[i]!;
          current[i] = coefficient + twice[i]! * value - next[i]!;
          next[i] = value;
        }
      }
      const constant = coefficients[offset]!;
      for (let i = 0; i < count; i++) result[from + i] = constant + 0.5 * twice[i]! * current[i]! - next[i]!;
    }
  };
}
