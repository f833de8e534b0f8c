/** One axis of GridSample: which positions of the input a coordinate is interpolated from. */
import { cubic } from './interpolation.ts';

export type SamplingMode = 'nearest' | 'linear' | 'cubic';
export type SamplingPadding = 'zeros' | 'border' | 'reflection';

/** Cubic coefficient that the specification prescribes. */
const CUBIC_COEFFICIENT = -0.75;

/** Position among `size` elements of a normalised coordinate: −1 and 1 are the outermost centres (or edges) of elements. */
export function denormalise(coordinate: number, size: number, alignCorners: boolean): number {
  return alignCorners ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
}

/** Mirrors a position into low … high. */
function reflect(position: number, low: number, high: number): number {
  const span = high - low;
  if (span === 0) return low;
  const offset = Math.abs(position - low);
  const rest = offset % span;
  return Math.floor(offset / span) % 2 === 0 ? low + rest : high - rest;
}

/** Half to even, as the specification rounds. */
function roundHalfEven(position: number): number {
  const down = Math.floor(position);
  const share = position - down;
  if (share !== 0.5) return Math.round(position);
  return down % 2 === 0 ? down : down + 1;
}

/** Input positions and weights of `position` along one axis; what lies outside and counts as zero is left out. */
export function samplingWeights(
  position: number,
  size: number,
  mode: SamplingMode,
  padding: SamplingPadding,
  alignCorners: boolean,
): readonly (readonly [number, number])[] {
  const [low, high] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
  const pad = (at: number): number => {
    if (at >= low && at <= high) return at;
    if (padding === 'border') return Math.min(Math.max(at, 0), size - 1);
    return padding === 'reflection' ? reflect(at, low, high) : at;
  };
  const taps: (readonly [number, number])[] = [];
  const add = (at: number, weight: number): void => {
    // Taps beyond the border follow the padding themselves.
    const tap = padding === 'zeros' ? at : Math.min(Math.max(Math.round(pad(at)), 0), size - 1);
    if (weight !== 0 && tap >= 0 && tap < size) taps.push([tap, weight]);
  };
  if (mode === 'nearest') {
    add(roundHalfEven(pad(roundHalfEven(position))), 1);
    return taps;
  }
  const centre = mode === 'linear' ? pad(position) : position;
  const reach = mode === 'linear' ? 1 : 2;
  for (let at = Math.floor(centre) - reach + 1; at <= Math.floor(centre) + reach; at++) {
    const distance = Math.abs(at - centre);
    add(at, mode === 'linear' ? Math.max(0, 1 - distance) : cubic(distance, CUBIC_COEFFICIENT));
  }
  return taps;
}
