/** What the client does with decrypted outputs: the operators cut off the model's end, and rounding. */
import { InternalError, unreachable } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { roundingStep } from '../../program/rounding.ts';
import type { ClientOperator } from '../../program/signature.ts';

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float64Array;
}

/** Applies the operators in order, as ONNX defines them. */
export function applyClientOperators(input: Tensor, operators: readonly ClientOperator[]): Tensor {
  return operators.reduce(applyOperator, input);
}

function applyOperator(tensor: Tensor, operator: ClientOperator): Tensor {
  switch (operator.op) {
    case 'Identity':
      return tensor;
    case 'Sigmoid':
      return { shape: tensor.shape, values: tensor.values.map((x) => 1 / (1 + Math.exp(-x))) };
    case 'Softmax':
      return alongAxis(tensor, operator.axis, (line) => {
        const max = line.reduce((a, b) => Math.max(a, b), -Infinity);
        const powers = line.map((x) => Math.exp(x - max));
        const sum = powers.reduce((a, b) => a + b, 0);
        return powers.map((power) => power / sum);
      });
    case 'LogSoftmax':
      return alongAxis(tensor, operator.axis, (line) => {
        const max = line.reduce((a, b) => Math.max(a, b), -Infinity);
        const logSum = Math.log(line.reduce((sum, x) => sum + Math.exp(x - max), 0));
        return line.map((x) => x - max - logSum);
      });
    case 'ArgMax': {
      const axis = resolveAxis(tensor, operator.axis);
      const reduced = alongAxis(tensor, axis, (line) => Float64Array.of(indexOfMax(line)));
      if (operator.keepDims !== false) return reduced;
      return { shape: reduced.shape.filter((_, i) => i !== axis), values: reduced.values };
    }
    case 'Hardmax':
      return alongAxis(tensor, operator.axis, (line) => {
        const best = indexOfMax(line);
        return line.map((_, k) => (k === best ? 1 : 0));
      });
    default:
      return unreachable(operator.op, 'client operator');
  }
}

/** Replaces every line along the axis; all results must have the same length. */
function alongAxis(tensor: Tensor, axis: number, map: (line: Float64Array) => Float64Array): Tensor {
  const { shape, values } = tensor;
  const at = resolveAxis(tensor, axis);
  const length = shape[at]!;
  const inner = elementCount(shape.slice(at + 1));
  const outer = elementCount(shape.slice(0, at));
  let result: Float64Array | null = null;
  let resultLength = length;
  const line = new Float64Array(length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let k = 0; k < length; k++) line[k] = values[(o * length + k) * inner + i]!;
      const mapped = map(line);
      if (result === null) {
        resultLength = mapped.length;
        result = new Float64Array(outer * resultLength * inner);
      }
      for (let k = 0; k < resultLength; k++) result[(o * resultLength + k) * inner + i] = mapped[k]!;
    }
  }
  return { shape: shape.with(at, resultLength), values: result ?? new Float64Array(0) };
}

function resolveAxis({ shape }: Tensor, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (!(resolved >= 0 && resolved < shape.length)) {
    throw new InternalError(`axis ${axis} of a tensor of rank ${shape.length}`);
  }
  return resolved;
}

/** Of equal ones the first, as ONNX does by default. */
function indexOfMax(line: Float64Array): number {
  let best = 0;
  for (let k = 1; k < line.length; k++) if (line[k]! > line[best]!) best = k;
  return best;
}

/**
 * Rounds values to `bits` of precision relative to `bound`: to multiples of the largest power of two that is at most
 * bound · 2^(1 − bits). What lies below is noise; it is dropped because it tells about the secret key (Li and
 * Micciancio, EUROCRYPT 2021).
 */
export function roundToPrecision(values: Float64Array, bound: number, bits: number): Float64Array {
  if (!(bound > 0) || !Number.isFinite(bits)) throw new InternalError('rounding needs a positive bound');
  const step = roundingStep(bound, bits);
  return values.map((value) => Math.round(value / step) * step);
}
