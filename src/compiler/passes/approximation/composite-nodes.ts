/**
 * Faithful piecewise-linear activations and max-pooling from a composite polynomial sign (approx/composite-sign.ts),
 * as ordinary nodes: Sub, Polynomial × stages, Mul, Add.
 */
import { CompileError } from '../../../errors.ts';
import type { CompositeSign } from '../../approx/composite-sign.ts';
import type { PolynomialAttributes, Shape, TensorNode } from '../../ir/tensor-graph.ts';
import type { FragmentBuilder } from './graph-fragment.ts';

/** f(x) = value + Σ_j (x − kink_j) (linear_j + jump_j / 2 · sign(x − kink_j)) */
interface PiecewiseLinear {
  readonly value: number;
  readonly pieces: readonly { readonly kink: number; readonly linear: number; readonly jump: number }[];
}

/** @throws CompileError NOT_PIECEWISE_LINEAR for activations that |x − kink| cannot express */
function piecewiseLinear(node: TensorNode, scalar: (x: number) => number): PiecewiseLinear {
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
    linear: j === 0 ? (slopes[0]! + slopes[slopes.length - 1]!) / 2 : 0,
    jump: slopes[j + 1]! - slopes[j]!,
  }));
  const others = pieces
    .slice(1)
    .reduce((sum, { kink, jump }) => sum + (jump / 2) * Math.abs(first - kink), 0);
  return { value: scalar(first) - others, pieces };
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
    `relu-composite expects Relu, LeakyRelu, PRelu, Abs, Clip, Max, Min or MaxPool, not ${node.op}`,
    { node: node.name, hint: 'choose a degree for this activation' },
  );
}

/** Value range per channel (or a single one) along axis 1. */
export interface ChannelRanges {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/** Inputs beyond the calibrated range by up to this factor stay within [-1, 1], where the composition holds. */
const HEADROOM = 1.15;

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
  const { value, pieces } = piecewiseLinear(node, scalar);
  const terms = pieces.map(({ kink, linear, jump }, j) => {
    const shifted =
      kink === 0 ? input : builder.node('Sub', [input, builder.constant('kink', [kink], [])], shape);
    const widths = ranges.min.map((min, c) => largestDistance(min, ranges.max[c]!, kink));
    const slope = appendSign(builder, shifted, sign, widths, linear, jump / 2);
    const alone = pieces.length === 1 && value === 0;
    return builder.node('Mul', [shifted, slope], shape, {}, alone && j === 0 ? output : undefined);
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

/** offset + factor · sign(x); the affine part is folded into the last stage. */
function appendSign(
  builder: FragmentBuilder,
  input: string,
  sign: CompositeSign,
  widths: readonly number[],
  offset: number,
  factor: number,
): string {
  let tensor = input;
  for (const [index, stage] of sign.stages.entries()) {
    const last = index === sign.stages.length - 1;
    const coefficients = Array.from(stage.coefficients, (c, k) =>
      last ? factor * c + (k === 0 ? offset : 0) : c,
    );
    const channels = index === 0 ? widths : [stage.halfWidth];
    const attributes: PolynomialAttributes = {
      axis: builder.shapeOf(input).length > 1 ? 1 : 0,
      degree: coefficients.length - 1,
      center: channels.map(() => 0),
      halfWidth: channels,
      coefficients: channels.flatMap(() => coefficients),
    };
    tensor = builder.polynomial(tensor, attributes);
  }
  return tensor;
}

/** Sliding-window geometry along one spatial axis. */
export interface PoolAxis {
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly input: number;
  readonly padBegin: number;
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

function padded(builder: FragmentBuilder, input: string, axes: readonly PoolAxis[], fill: number): string {
  const ends = axes.map((axis) =>
    Math.max(
      0,
      (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1 - axis.padBegin - axis.input,
    ),
  );
  if (axes.every((axis, a) => axis.padBegin === 0 && ends[a] === 0)) return input;
  const pads = [0, 0, ...axes.map((axis) => axis.padBegin), 0, 0, ...ends];
  const shape = builder
    .shapeOf(input)
    .map((size, i) => (i < 2 ? size : size + axes[i - 2]!.padBegin + ends[i - 2]!));
  const amounts = builder.constant('pads', pads, [pads.length], 'int');
  return builder.node('Pad', [input, amounts, builder.constant('fill', [fill], [])], shape, {
    mode: 'constant',
  });
}

/** Positions k · dilation + o · stride, o = 0 … output − 1, along an axis. */
function tap(
  builder: FragmentBuilder,
  input: string,
  axis: number,
  pool: PoolAxis,
  k: number,
  shape: Shape,
): string {
  const start = k * pool.dilation;
  const end = start + (pool.output - 1) * pool.stride + 1;
  const parameters = [start, end, axis, pool.stride].map((value, i) =>
    builder.constant(['start', 'end', 'axis', 'step'][i]!, [value], [1], 'int'),
  );
  return builder.node('Slice', [input, ...parameters], shape);
}

function appendMax(
  builder: FragmentBuilder,
  a: string,
  b: string,
  shape: Shape,
  sign: CompositeSign,
  widths: readonly number[],
): string {
  const difference = builder.node('Sub', [a, b], shape);
  const weight = appendSign(builder, difference, sign, widths, 0.5, 0.5);
  return builder.node('Add', [b, builder.node('Mul', [difference, weight], shape)], shape);
}
