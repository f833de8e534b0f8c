/**
 * Max over windows as a tournament, to a number of bits. What it costs is the degree of the polynomials of |a − b|/2, one per round, so that
 *
 * - each is fitted over the differences that its round sees, which are smaller than the range of the input;
 * - it is the truncated Chebyshev series or the best uniform approximation, whichever does better. The series is twice
 *   as far off at 0 and much closer elsewhere, and few windows have ties in more than one round: errors do not add up;
 * - errors are measured on the calibration windows, and their middle is subtracted;
 * - taps in the padding take no part, instead of being filled with a least value, which would widen the differences.
 */
import { evaluateChebyshev } from '../../approx/chebyshev.ts';
import type { PolynomialAttributes, TensorNode } from '../../ir/tensor-graph.ts';
import type { Shape } from './absolute-value.ts';
import { errorAt, Shapes } from './absolute-value.ts';
import type { FragmentBuilder } from './graph-fragment.ts';
import type { PoolAxis } from './pooling-taps.ts';
import { tooSteep } from './precise-nodes.ts';
import type { Contestant } from './tournament.ts';
import { appendTournament, insideOf, roundsOf, tournament } from './tournament.ts';

const DEGREES = [3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047] as const;
/** Differences may leave those seen by this share. */
const MARGIN = 0.05;
/** Error of the best approximation of |t| on [−1, 1] of degree n, times n (Bernstein 1914). */
const BERNSTEIN = 0.28;
/** Values that errors are measured on: enough to meet ties. */
const MEASURED_VALUES = 150_000;

/** Runs the tournaments over plain numbers. `half` gives |d|/2 or what stands for it, per round. */
function pool(
  values: Float32Array,
  axes: readonly PoolAxis[],
  half: (difference: number, round: number) => number,
): Float64Array {
  let data: Float64Array = Float64Array.from(values);
  let inner = axes.reduce((product, axis) => product * axis.input, 1);
  let round = 0;
  for (const axis of axes) {
    inner /= axis.input;
    const outer = data.length / (axis.input * inner);
    const source = data;
    const width = inner;
    const taps = Array.from({ length: axis.kernel }, (_, k): Contestant<Float64Array> => {
      const inside = insideOf(axis, k);
      const value = new Float64Array(outer * axis.output * width);
      for (let e = 0; e < value.length; e++) {
        const o = Math.floor(e / width) % axis.output;
        if (!inside[o]!) continue;
        const position = o * axis.stride + k * axis.dilation - axis.padBegin;
        const block = Math.floor(e / (width * axis.output));
        value[e] = source[(block * axis.input + position) * width + (e % width)]!;
      }
      return { value, inside };
    });
    const { winner, next } = tournament(taps, round, (a, b, insideA, insideB, number) =>
      a.map((x, e) => {
        const o = Math.floor(e / width) % axis.output;
        if (!insideA[o]! || !insideB[o]!) return insideA[o]! ? x : b[e]!;
        return (x + b[e]!) / 2 + half(x - b[e]!, number);
      }),
    );
    [data, round] = [winner, next];
  }
  return data;
}

interface Measured {
  /** |d|/2 of each round, in Chebyshev polynomials of d / width. */
  readonly coefficients: readonly Float64Array[];
  /** What they are made of, per round. */
  readonly shapes: readonly Shape[];
  readonly error: number;
}

class Trial {
  readonly #values: Float32Array;
  readonly #exact: Float64Array;
  readonly #axes: readonly PoolAxis[];
  readonly #widths: readonly number[];
  readonly #shapes: Shapes;

  constructor(
    values: Float32Array,
    exact: Float64Array,
    axes: readonly PoolAxis[],
    widths: readonly number[],
    shapes: Shapes,
  ) {
    this.#shapes = shapes;
    this.#values = values;
    this.#exact = exact;
    this.#axes = axes;
    this.#widths = widths;
  }

  measure(shapes: readonly Shape[]): Measured {
    const widths = this.#widths;
    const coefficients = widths.map((width, round) =>
      shapes[round]!.coefficients.map((c) => (c * width) / 2),
    );
    const half = (d: number, round: number): number =>
      (Math.abs(d) + widths[round]! * errorAt(shapes[round]!, d / widths[round]!)) / 2;
    let [least, most] = [Infinity, -Infinity];
    pool(this.#values, this.#axes, half).forEach((value, e) => {
      least = Math.min(least, value - this.#exact[e]!);
      most = Math.max(most, value - this.#exact[e]!);
    });
    coefficients.at(-1)![0]! -= (least + most) / 2;
    return { coefficients, shapes, error: (most - least) / 2 };
  }

  /** The last rounds see the smallest differences: they are lowered first, as far as they can be. */
  lower(from: Measured, tolerance: number): Measured {
    let best = from;
    for (let round = from.shapes.length - 1; round >= 0; round--) {
      for (const degree of DEGREES.toReversed()) {
        if (degree >= best.shapes[round]!.degree) continue;
        const tries = this.#shapes
          .candidates(degree)
          .map((shape) => this.measure(best.shapes.with(round, shape)));
        const better = tries.reduce((a, b) => (a.error <= b.error ? a : b));
        if (better.error > tolerance) break;
        best = better;
      }
    }
    return best;
  }
}

function fit(
  node: TensorNode,
  values: Float32Array,
  elements: number,
  axes: readonly PoolAxis[],
  bits: number,
): PolynomialAttributes[] {
  const widths: number[] = [];
  const outputs = pool(values, axes, (difference, round) => {
    const size = Math.abs(difference);
    widths[round] = Math.max(widths[round] ?? 0, size);
    return size / 2;
  });
  const largest = outputs.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const reached = widths.map((width) => (width > 0 ? width * (1 + MARGIN) : 1));
  const tolerance = largest * 2 ** -bits;
  const samples = Math.max(1, Math.min(values.length / elements, Math.floor(MEASURED_VALUES / elements)));
  const measured = values.subarray(0, samples * elements);
  const exact = outputs.subarray(0, (outputs.length / (values.length / elements)) * samples);
  const widest = Math.max(...reached);
  const shapes = new Shapes();
  const trial = new Trial(measured, exact, axes, reached, shapes);
  let best: Measured | null = null;
  for (const degree of DEGREES) {
    // A tie in the widest round alone takes a larger degree.
    const hopeless = (BERNSTEIN * widest) / 2 / (degree + 1) > tolerance;
    if (hopeless && degree < DEGREES.at(-1)!) continue;
    for (const shape of shapes.candidates(degree)) {
      const attempt = trial.measure(reached.map(() => shape));
      if (best === null || attempt.error < best.error) best = attempt;
    }
    if (best!.error <= tolerance) break;
  }
  if (best!.error > tolerance) {
    const seen = { min: -widest, max: widest };
    throw tooSteep(node, seen, bits, best!.shapes[0]!.degree, best!.error / tolerance);
  }
  return trial.lower(best!, tolerance).coefficients.map((each, round) => ({
    axis: 0,
    degree: each.length - 1,
    center: [0],
    halfWidth: [reached[round]!],
    coefficients: Array.from(each),
  }));
}

/**
 * @param values the input over calibration samples, [samples × elements]
 * @returns the polynomial of the first round; that of x if there is none
 * @throws CompileError ACTIVATION_TOO_STEEP
 */
export function appendPreciseMaxPool(
  builder: FragmentBuilder,
  node: TensorNode,
  input: string,
  output: string,
  axes: readonly PoolAxis[],
  values: Float32Array,
  bits: number,
): PolynomialAttributes {
  const elements = builder.shapeOf(input).reduce((product, size) => product * size, 1);
  const rounds = roundsOf(axes);
  const polynomials = rounds === 0 ? [] : fit(node, values, elements, axes, bits);
  appendTournament(builder, input, output, axes, (difference, round) => {
    const polynomial = polynomials[round]!;
    const atZero = evaluateChebyshev(Float64Array.from(polynomial.coefficients), 0);
    return { half: builder.polynomial(difference, polynomial), atZero };
  });
  return polynomials[0] ?? { axis: 0, degree: 1, center: [0], halfWidth: [1], coefficients: [0, 1] };
}
