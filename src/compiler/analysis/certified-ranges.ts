/** From calibration values to the ranges that a program is certified for: see `program/certified-range.ts`. */
import { OUTPUT_MARGIN, widened, type InputRange } from '../../program/certified-range.ts';
import type { Preprocessing } from '../../program/signature.ts';

/** A channel with fewer values than this does not show its extremes: it gets the range of all channels. */
const ENOUGH_VALUES = 1000;
/**
 * Nor does one whose extremes are this many standard deviations apart from its middle: they are rare there, as in pixels near the
 * border of pictures, and the next input may hold larger ones. Normal values reach 4, uniform ones 1.7.
 */
const RARE_DEVIATIONS = 6;
/** Features beyond this are not described one by one. */
const MAX_CHANNELS = 4096;
const LARGEST_BYTE = 255;

/**
 * @param shape of one sample, batch axis included; axis 1 is the channel
 * @param values [samples × elements]; those that are not finite are left out
 * @param bytes how bytes become values, where inputs are bytes: then any byte is to be expected
 */
export function certifyInput(
  shape: readonly number[],
  values: Float32Array,
  bytes: Preprocessing | null,
): InputRange {
  const channels = shape.length >= 2 && shape[1]! <= MAX_CHANNELS ? shape[1]! : 1;
  const inner = shape.slice(2).reduce((size, extent) => size * extent, 1);
  const extents = Array.from({ length: channels }, (): Extent => new Extent());
  const all = new Extent();
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    extents[channels === 1 ? 0 : Math.floor(i / inner) % channels]!.add(value);
    all.add(value);
  }
  const ranges = extents.map((own, channel): readonly [number, number] => {
    const [low, high] = (own.isTypical ? own : all).range;
    if (bytes === null) return [low, high];
    const [least, greatest] = byteRange(bytes, channel);
    return [Math.min(low, least), Math.max(high, greatest)];
  });
  const [first] = ranges;
  const same = ranges.every(([low, high]) => low === first![0] && high === first![1]);
  const kept = same ? ranges.slice(0, 1) : ranges;
  return { min: kept.map(([low]) => low), max: kept.map(([, high]) => high) };
}

/**
 * @param original outputs of the model itself over the calibration inputs
 * @param approximated of the polynomial model; a few of them may have left all bounds, which says nothing of what it can give
 */
export function certifyOutput(
  original: Float32Array,
  approximated: Float32Array,
): { readonly min: number; readonly max: number } {
  const own = extentOf(original, -Infinity, Infinity).range;
  const [low, high] = widened(...own, OUTPUT_MARGIN);
  const { min, max } = extentOf(approximated, low, high);
  return { min: Math.min(own[0], min), max: Math.max(own[1], max) };
}

/**
 * The range of an output that nothing approximates. float32, in which models are run, does not show all of it: what is below 1e-38 on the
 * way there becomes 0, and of what cancels rounding is left. The encrypted program gives what float64 gives.
 * @param exact the output's values in float64, sample by sample
 */
export function withExactValues<Range extends { readonly min: number; readonly max: number }>(
  range: Range,
  exact: readonly Float64Array[],
): Range {
  const extent = new Extent();
  for (const values of exact) for (const value of values) extent.add(value);
  const [min, max] = extent.range;
  return { ...range, min: Math.min(range.min, min), max: Math.max(range.max, max) };
}

function extentOf(values: Float32Array, low: number, high: number): Extent {
  const extent = new Extent();
  for (const value of values) if (value >= low && value <= high && Number.isFinite(value)) extent.add(value);
  return extent;
}

function byteRange({ pixelScale, mean, std }: Preprocessing, channel: number): readonly [number, number] {
  const of = (byte: number): number =>
    (byte * pixelScale - (mean[channel] ?? mean[0] ?? 0)) / (std[channel] ?? std[0] ?? 1);
  const [black, white] = [of(0), of(LARGEST_BYTE)];
  return [Math.min(black, white), Math.max(black, white)];
}

class Extent {
  #count = 0;
  #sum = 0;
  #squares = 0;
  #min = Infinity;
  #max = -Infinity;

  add(value: number): void {
    this.#count++;
    this.#sum += value;
    this.#squares += value * value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** Infinite where there is no value. */
  get min(): number {
    return this.#min;
  }

  /** −Infinity where there is no value. */
  get max(): number {
    return this.#max;
  }

  get isTypical(): boolean {
    const mean = this.#sum / this.#count;
    const deviation = Math.sqrt(Math.max(0, this.#squares / this.#count - mean * mean));
    const reach = (this.#max - this.#min) / 2;
    return this.#count >= ENOUGH_VALUES && reach > 0 && reach <= RARE_DEVIATIONS * deviation;
  }

  /** Never without width: a value that is always the same still may be off by its own size. */
  get range(): readonly [number, number] {
    if (this.#count === 0) return [0, 0];
    if (this.#min < this.#max) return [this.#min, this.#max];
    return [this.#min - Math.abs(this.#min), this.#max + Math.abs(this.#max)];
  }
}
