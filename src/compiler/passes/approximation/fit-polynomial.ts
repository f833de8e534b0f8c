/**
 * Fits one polynomial per channel to pairs (what the channel sees in the approximated network, what the original
 * activation gave in the original network). Targets from the original network make every layer correct the errors of
 * the layers before it.
 */
import { polynomialArgument } from '../../approx/sine-argument.ts';
import { chebyshevPowers, evaluateChebyshev } from '../../approx/chebyshev.ts';
import type { NormalEquations } from '../../approx/least-squares.ts';
import {
  ChebyshevMoments,
  combine,
  FeatureMoments,
  LEADING_FLOOR,
  solveNormalEquations,
  solveWithLeadingFloor,
} from '../../approx/least-squares.ts';
import type { PolynomialAttributes, Shape } from '../../ir/tensor-graph.ts';
import type { ChannelLayout } from '../../reference/polynomial-node.ts';
import { channelLayout } from '../../reference/polynomial-node.ts';
import { savesLevel } from './degrees.ts';
import { Random } from '../../random.ts';
import { beforePoles, findPole, type ValueRange } from './poles.ts';

/** Values per channel that enter the fit; more change no coefficient visibly. */
const VALUES_PER_CHANNEL = 60_000;
const UNIFORM_POINTS = 201;

export interface FitSettings {
  readonly degree: number;
  /** Weight of a uniform distribution over the widened range, relative to the data: keeps the polynomial tame there. */
  readonly uniformWeight: number;
  /** The range is widened by this factor about its centre. */
  readonly margin: number;
  readonly seed: number;
  /** Of the refresh that the argument goes through first; left out where it does not. */
  readonly ratio?: number;
}

/** Windows of a pooling operator over flattened elements of one sample (compressed rows). */
export interface PoolingWindows {
  readonly rowStart: Int32Array;
  readonly columns: Int32Array;
}

export interface FitData {
  /** Shape of the polynomial's input for one sample; axis 1 is the channel. */
  readonly shape: Shape;
  /** [samples × elements] of that shape. */
  readonly values: Float32Array;
  /** [samples × elements] of the output: as `values`, or one per window. */
  readonly targets: Float32Array;
  /** Average-pool the polynomial over these windows before comparing with the target. */
  readonly windows: PoolingWindows | null;
  /** What the polynomial replaces, for the uniform part. */
  readonly scalar: (x: number) => number;
}

export function fitPolynomials(data: FitData, settings: FitSettings): PolynomialAttributes {
  // A tensor without a channel axis gets one polynomial for all elements.
  const shape = data.shape.length > 1 ? data.shape : [1, 1, ...data.shape];
  const layout = channelLayout(shape, 1);
  const center: number[] = [];
  const halfWidth: number[] = [];
  const systems: NormalEquations[] = [];
  const random = new Random(settings.seed);
  for (const [channel, range] of fittedRanges(data, layout, settings.margin).entries()) {
    const middle = (range.min + range.max) / 2;
    const radius = (range.max - range.min) / 2;
    // A constant channel has no width to normalise by.
    const width = radius > 1e-6 * Math.max(1e-6, Math.abs(middle)) ? radius : 1;
    center.push(middle);
    halfWidth.push(width);
    systems.push(channelEquations(data, layout, channel, middle, width, settings, random));
  }
  const coefficients = solveChannels(systems, settings.degree);
  const { degree, ratio } = settings;
  return {
    axis: data.shape.length > 1 ? 1 : 0,
    degree,
    center,
    halfWidth,
    coefficients,
    ...(ratio === undefined ? {} : { ratio }),
  };
}

function solveChannels(systems: readonly NormalEquations[], degree: number): number[] {
  const free = systems.map(solveNormalEquations);
  if (!savesLevel(degree)) return free.flatMap((solution) => [...solution]);
  // Dead channels (polynomial ≈ 0) get a floor from the layer as a whole: small, but not zero.
  const layerScale = Math.max(...free.map((solution) => Math.abs(evaluateChebyshev(solution, 1))), 1e-6);
  return systems.flatMap((system) => [...solveWithLeadingFloor(system, layerScale * LEADING_FLOOR)]);
}

/** The widened range of every channel, which keeps away from poles beyond the values seen. */
function fittedRanges(data: FitData, layout: ChannelLayout, margin: number): ValueRange[] {
  const seen = Array.from({ length: layout.channels }, (_, c) => channelRange(data.values, layout, c));
  const wide = seen.map((range) => widened(range, margin));
  const all = {
    min: Math.min(...wide.map(({ min }) => min)),
    max: Math.max(...wide.map(({ max }) => max)),
  };
  // Looking for poles takes thousands of values: once for all channels where, as nearly always, there is none.
  return findPole(data.scalar, all) === null
    ? wide
    : wide.map((range, c) => beforePoles(data.scalar, seen[c]!, range));
}

function widened({ min, max }: ValueRange, margin: number): ValueRange {
  const [middle, radius] = [(min + max) / 2, ((max - min) / 2) * margin];
  return { min: middle - radius, max: middle + radius };
}

function channelRange(values: Float32Array, layout: ChannelLayout, channel: number): ValueRange {
  let min = Infinity;
  let max = -Infinity;
  const { channels, inner } = layout;
  for (let start = channel * inner; start < values.length; start += channels * inner) {
    for (let i = start; i < start + inner; i++) {
      const value = values[i]!;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return { min, max };
}

function channelEquations(
  data: FitData,
  layout: ChannelLayout,
  channel: number,
  center: number,
  halfWidth: number,
  settings: FitSettings,
  random: Random,
): NormalEquations {
  const seen =
    data.windows === null
      ? pointwiseEquations(data, layout, channel, center, halfWidth, settings, random)
      : pooledEquations(data, data.windows, layout, channel, center, halfWidth, settings, random);
  const uniform = new ChebyshevMoments(settings.degree);
  const argument = polynomialArgument(settings.ratio);
  for (let i = 0; i < UNIFORM_POINTS; i++) {
    const t = (2 * i) / (UNIFORM_POINTS - 1) - 1;
    const target = data.scalar(center + halfWidth * t);
    // Beyond a pole or the end of its domain there is nothing to follow.
    if (Number.isFinite(target)) uniform.add(argument(t), target, 1 / UNIFORM_POINTS);
  }
  return combine(seen.equations, uniform.equations(), settings.uniformWeight * seen.count);
}

interface Sums {
  readonly equations: NormalEquations;
  readonly count: number;
}

function pointwiseEquations(
  { values, targets }: FitData,
  { channels, inner }: ChannelLayout,
  channel: number,
  center: number,
  halfWidth: number,
  settings: FitSettings,
  random: Random,
): Sums {
  const moments = new ChebyshevMoments(settings.degree);
  const argument = polynomialArgument(settings.ratio);
  const chosen = random.sample(values.length / channels, VALUES_PER_CHANNEL);
  for (const index of chosen) {
    const block = Math.floor(index / inner);
    const position = (block * channels + channel) * inner + (index - block * inner);
    moments.add(argument((values[position]! - center) / halfWidth), targets[position]!);
  }
  return { equations: moments.equations(), count: chosen.length };
}

function pooledEquations(
  { values, targets, shape }: FitData,
  windows: PoolingWindows,
  { channels }: ChannelLayout,
  channel: number,
  center: number,
  halfWidth: number,
  settings: FitSettings,
  random: Random,
): Sums {
  const elements = shape.reduce((product, size) => product * size, 1);
  const windowCount = windows.rowStart.length - 1;
  const perChannel = windowCount / channels;
  const samples = values.length / elements;
  const moments = new FeatureMoments(settings.degree + 1);
  const argument = polynomialArgument(settings.ratio);
  const powers = new Float64Array(settings.degree + 1);
  const pooled = new Float64Array(settings.degree + 1);
  const chosen = random.sample(samples * perChannel, VALUES_PER_CHANNEL / 3);
  for (const index of chosen) {
    const sample = Math.floor(index / perChannel);
    const window = channel * perChannel + (index - sample * perChannel);
    const begin = windows.rowStart[window]!;
    const end = windows.rowStart[window + 1]!;
    pooled.fill(0);
    for (let k = begin; k < end; k++) {
      const value = values[sample * elements + windows.columns[k]!]!;
      chebyshevPowers(argument((value - center) / halfWidth), settings.degree, powers);
      for (let j = 0; j < pooled.length; j++) pooled[j] = pooled[j]! + powers[j]! / (end - begin);
    }
    moments.add(pooled, targets[sample * windowCount + window]!);
  }
  return { equations: moments.equations(), count: chosen.length };
}
