/**
 * One axis of Resize: which input positions an output position is made of. Follows the reference implementation of the
 * ONNX specification (Resize-19), in which the axes are independent of each other.
 */
export interface ResizeAxis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** Crop, as fractions of the input (tf_crop_and_resize only). */
  readonly roi: readonly [number, number];
}

export interface Interpolation {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicCoefficient: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
}

/** Input positions and weights of one output position; null if it lies outside (filled by the extrapolation value). */
export type AxisWeights = readonly (readonly [number, number])[] | null;

/** Input coordinate of output position `x`. */
function coordinate(axis: ResizeAxis, mode: string, x: number): number {
  const { input, output, scale, roi } = axis;
  // A fraction where scales are given: the grid is not stretched to the elements that it has room for (onnx/onnx#2462).
  // onnxruntime stretches it.
  const length = scale * input;
  switch (mode) {
    case 'asymmetric':
      return x / scale;
    case 'align_corners':
      return output === 1 ? 0 : (x * (input - 1)) / (length - 1);
    case 'pytorch_half_pixel':
      return output === 1 ? 0 : (x + 0.5) / scale - 0.5;
    case 'half_pixel_symmetric':
      return (input / 2) * (1 - output / (scale * input)) + (x + 0.5) / scale - 0.5;
    case 'tf_crop_and_resize':
      return output === 1
        ? 0.5 * (roi[0] + roi[1]) * (input - 1)
        : roi[0] * (input - 1) + (x * (roi[1] - roi[0]) * (input - 1)) / (output - 1);
    default:
      return (x + 0.5) / scale - 0.5;
  }
}

function roundNearest(position: number, mode: string): number {
  switch (mode) {
    case 'round_prefer_ceil':
      return Math.floor(position + 0.5);
    case 'floor':
      return Math.floor(position);
    case 'ceil':
      return Math.ceil(position);
    default:
      return Math.ceil(position - 0.5);
  }
}

/** Cubic convolution kernel (Keys 1981) with coefficient a. */
export function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return a * (((d - 5) * d + 8) * d - 4);
  return 0;
}

/** Weights of the axis for output position `x`. */
export function axisWeights(axis: ResizeAxis, how: Interpolation, x: number): AxisWeights {
  if (axis.input === axis.output && axis.scale === 1 && how.coordinates !== 'tf_crop_and_resize')
    return [[x, 1]];
  const position = coordinate(axis, how.coordinates, x);
  if (how.coordinates === 'tf_crop_and_resize' && (position < 0 || position > axis.input - 1)) return null;
  const last = axis.input - 1;
  if (how.mode === 'nearest') {
    return [[Math.min(Math.max(roundNearest(position, how.nearest), 0), last), 1]];
  }
  const shrink = how.antialias ? Math.min(axis.scale, 1) : 1;
  const reach = (how.mode === 'cubic' ? 2 : 1) / shrink;
  const weights = new Map<number, number>();
  let total = 0;
  for (let tap = Math.ceil(position - reach); tap <= Math.floor(position + reach); tap++) {
    const outside = tap < 0 || tap > last;
    if (outside && how.excludeOutside) continue;
    const distance = (tap - position) * shrink;
    const weight =
      how.mode === 'cubic' ? cubic(distance, how.cubicCoefficient) : Math.max(0, 1 - Math.abs(distance));
    if (weight === 0) continue;
    const inside = Math.min(Math.max(tap, 0), last);
    weights.set(inside, (weights.get(inside) ?? 0) + weight);
    total += weight;
  }
  const normalise = how.antialias || how.excludeOutside ? total : 1;
  return [...weights].map(([tap, weight]) => [tap, weight / normalise] as const);
}
