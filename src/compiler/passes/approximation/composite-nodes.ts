/**
 * Faithful piecewise-linear activations and max-pooling from a composite polynomial sign (approx/composite-sign.ts),
 * as ordinary nodes: Sub, Polynomial × stages, Mul, Add. Values are scaled to [-1, 1] before the sign and back behind the
 * product, not within the polynomials: scaling by elements is free in the linear maps before and behind, and costs a level elsewhere.
 */
import { CompileError } from '../../../errors.ts';
import type { CompositeSign } from '../../approx/composite-sign.ts';
import type { PolynomialAttributes, Shape, TensorNode } from '../../ir/tensor-graph.ts';
import type { FragmentBuilder } from './graph-fragment.ts';
import type { PoolAxis } from './pooling-taps.ts';
import { padded, tap } from './pooling-taps.ts';

/** Whether the activation jumps, so that no polynomial follows it uniformly; the composition does, but close to the jump. */
export function isJump({ op }: TensorNode): boolean {
  return op === 'ThresholdedRelu' || op === 'Sign';
}

/** f(x) = value + Σ_j (x − zero_j) (linear_j + jump_j / 2 · sign(x − kink_j)); zero_j = kink_j where f is continuous. */
interface PiecewiseLinear {
  readonly value: number;
  readonly pieces: readonly {
    readonly kink: number;
    readonly zero: number;
    readonly linear: number;
    readonly jump: number;
  }[];
}

/** @throws CompileError NOT_PIECEWISE_LINEAR for activations that |x − kink| cannot express */
function piecewiseLinear(node: TensorNode, scalar: (x: number) => number): PiecewiseLinear {
  if (node.op === 'ThresholdedRelu') return thresholded(Number(node.attributes['alpha'] ?? 1));
  const kinks = kinksOf(node, scalar);
  const first = kinks[0]!;
  const last = kinks[kinks.length - 1]!;
  const slopes = [scalar(first) - scalar(first - 1)];
  for (let j = 0; j + 1 < kinks.length; j++) {
    slopes.push((scalar(kinks[j + 1]!) - scalar(kinks[j]!)) / (kinks[j + 1]! - kinks[j]!));
  }
  slopes.push(scalar(last + 1) - scalar(last));
  const pieces = kinks.map((kink, j) => ({
    kink,
    zero: kink,
    linear: j === 0 ? (slopes[0]! + slopes[slopes.length - 1]!) / 2 : 0,
    jump: slopes[j + 1]! - slopes[j]!,
  }));
  const others = pieces
    .slice(1)
    .reduce((sum, { kink, jump }) => sum + (jump / 2) * Math.abs(first - kink), 0);
  return { value: scalar(first) - others, pieces };
}

/** x for x > alpha, else 0: x (1 + sign(x − alpha)) / 2. */
function thresholded(alpha: number): PiecewiseLinear {
  return { value: 0, pieces: [{ kink: alpha, zero: 0, linear: 0.5, jump: 1 }] };
}

function kinksOf(node: TensorNode, scalar: (x: number) => number): number[] {
  switch (node.op) {
    case 'Relu':
    case 'LeakyRelu':
    case 'PRelu':
    case 'Abs':
      return [0];
    case 'Clip':
    case 'Max':
    case 'Min': {
      const kinks = [scalar(-Infinity), scalar(Infinity)].filter(Number.isFinite);
      if (kinks.length > 0) return kinks;
      break;
    }
  }
  throw new CompileError(
    'NOT_PIECEWISE_LINEAR',
    `relu-composite expects Relu, LeakyRelu, PRelu, ThresholdedRelu, Sign, Abs, Clip, Max, Min or MaxPool, not ${node.op}`,
    { node: node.name, hint: 'choose a degree for this activation' },
  );
}

/** Value range per channel (or a single one) along axis 1. */
export interface ChannelRanges {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/** How far right of a jump the middle of the rise is, in thresholds of the composition. */
const JUMP_CLEARANCE = 1.2;

/** Inputs beyond the calibrated range by up to this factor stay within [-1, 1], where the composition holds. */
const HEADROOM = 1.6;

export function appendCompositeActivation(
  builder: FragmentBuilder,
  node: TensorNode,
  scalar: (x: number) => number,
  input: string,
  output: string,
  sign: CompositeSign,
  ranges: ChannelRanges,
): void {
  const shape = builder.shapeOf(input);
  if (node.op === 'Sign') {
    const distances = ranges.min.map((min, c) => 1 / largestDistance(min, ranges.max[c]!, 0));
    appendSign(builder, scaled(builder, input, distances), sign, 0, 1, output);
    return;
  }
  const { value, pieces } = piecewiseLinear(node, scalar);
  const shift = (by: number): string =>
    by === 0 ? input : builder.node('Sub', [input, builder.constant('kink', [by], [])], shape);
  const terms = pieces.map(({ kink, zero, linear, jump }, j) => {
    const final = pieces.length === 1 && value === 0 && j === 0 ? output : undefined;
    const distances = ranges.min.map((min, c) => largestDistance(min, ranges.max[c]!, kink));
    if (zero === kink) {
      const unit = scaled(
        builder,
        shift(kink),
        distances.map((distance) => 1 / distance),
      );
      const product = builder.node('Mul', [unit, appendSign(builder, unit, sign, linear, jump / 2)], shape);
      return scaled(builder, product, distances, final);
    }
    // ONNX's thresholds are strict: the value at a jump is the left one, so the rise begins there.
    const width = Math.max(...distances);
    const shifted = shift(kink + JUMP_CLEARANCE * sign.threshold * width);
    const slope = appendSign(builder, scaled(builder, shifted, [1 / width]), sign, linear, jump / 2);
    return builder.node('Mul', [shift(zero), slope], shape, {}, final);
  });
  let sum = terms[0]!;
  for (const [j, term] of terms.slice(1).entries()) {
    const final = j === terms.length - 2 && value === 0;
    sum = builder.node('Add', [sum, term], shape, {}, final ? output : undefined);
  }
  if (value !== 0) builder.node('Add', [sum, builder.constant('value', [value], [])], shape, {}, output);
}

function largestDistance(min: number, max: number, point: number): number {
  const distance = Math.max(Math.abs(min - point), Math.abs(max - point)) * HEADROOM;
  return distance > 0 ? distance : 1;
}

/** offset + factor · sign(u) for u in [-1, 1]: each stage puts its result into the next one's range, so that none has to be scaled. */
function appendSign(
  builder: FragmentBuilder,
  unit: string,
  sign: CompositeSign,
  offset: number,
  factor: number,
  output?: string,
): string {
  const axis = builder.shapeOf(unit).length > 1 ? 1 : 0;
  return sign.stages.reduce((tensor, stage, index) => {
    const next = sign.stages[index + 1];
    const gain = next === undefined ? factor : 1 / next.halfWidth;
    const coefficients = Array.from(stage.coefficients, (c) => gain * c);
    if (next === undefined) coefficients[0]! += offset;
    const degree = coefficients.length - 1;
    const attributes: PolynomialAttributes = { axis, degree, center: [0], halfWidth: [1], coefficients };
    return builder.polynomial(tensor, attributes, next === undefined ? output : undefined);
  }, unit);
}

/** Times a factor for each channel (axis 1), or one for all: a map that vanishes into the linear ones around it. */
function scaled(
  builder: FragmentBuilder,
  input: string,
  factors: readonly number[],
  output?: string,
): string {
  const shape = builder.shapeOf(input);
  const inner = shape.slice(2).map(() => 1);
  const factor = builder.constant('scale', factors, factors.length === 1 ? [] : [factors.length, ...inner]);
  return builder.node('Mul', [input, factor], shape, {}, output);
}

/**
 * Max over windows, separably: axis by axis, a tournament of max(a, b) = b + (a − b)(1 + sign(a − b)) / 2 over the
 * taps of that axis. Padding is filled with the least value seen, which never wins.
 */
export function appendCompositeMaxPool(
  builder: FragmentBuilder,
  input: string,
  output: string,
  axes: readonly PoolAxis[],
  sign: CompositeSign,
  ranges: ChannelRanges,
): void {
  const widths = ranges.min.map((min, c) => Math.max(ranges.max[c]! - min, 0) * HEADROOM || 1);
  const floor = Math.min(...ranges.min);
  let tensor = padded(builder, input, axes, floor);
  for (const [a, axis] of axes.entries()) {
    const shape = builder.shapeOf(tensor).map((size, i) => (i === a + 2 ? axis.output : size));
    let taps = Array.from({ length: axis.kernel }, (_, k) => tap(builder, tensor, a + 2, axis, k, shape));
    while (taps.length > 1) {
      const winners = [];
      for (let i = 0; i + 1 < taps.length; i += 2) {
        winners.push(appendMax(builder, taps[i]!, taps[i + 1]!, shape, sign, widths));
      }
      if (taps.length % 2 === 1) winners.push(taps[taps.length - 1]!);
      taps = winners;
    }
    tensor = taps[0]!;
  }
  builder.node('Identity', [tensor], builder.shapeOf(tensor), {}, output);
}

function appendMax(
  builder: FragmentBuilder,
  a: string,
  b: string,
  shape: Shape,
  sign: CompositeSign,
  widths: readonly number[],
): string {
  const unit = scaled(
    builder,
    builder.node('Sub', [a, b], shape),
    widths.map((width) => 1 / width),
  );
  const product = builder.node('Mul', [unit, appendSign(builder, unit, sign, 0.5, 0.5)], shape);
  return builder.node('Add', [b, scaled(builder, product, widths)], shape);
}
