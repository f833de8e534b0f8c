/**
 * The values that a program was certified for, and what is outside of them. Beyond these ranges polynomials run away and the
 * modulus wraps around, and what is decrypted then has nothing to do with the model.
 */

import { ArtifactError } from '../errors.ts';

/** Of an input: one pair of bounds for all elements, or one for each channel (axis 1). */
export interface InputRange {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

/** Of an output, before the client's operators. */
export interface OutputRange {
  readonly min: number;
  readonly max: number;
  /** Whether slots that hold no element are zero, so that anything else in them shows that the modulus has wrapped around. */
  readonly emptySlots: 'zero' | 'unspecified';
}

/** An input may leave its range by a quarter of half its width: values never seen in calibration, for which bounds have room. */
export const INPUT_MARGIN = 1.25;

/**
 * An output may, by once half its width. The modulus holds four times the largest output calibrated, with a margin of its own,
 * so that what lies within has not wrapped around.
 */
export const OUTPUT_MARGIN = 2;

/** Ranges are those of values in float32, where what is smaller becomes 0 or nearly: a program that is more exact is not wrong. */
const LEAST_FLOAT32 = 2 ** -126;

/** Elements outside of a range. */
export interface Outside {
  /** Row-major index of the first one. */
  readonly first: number;
  readonly count: number;
  /** Of the first one; 0 where all channels share a range. */
  readonly channel: number;
}

/** The bounds, `margin` times as far from the middle. */
export function widened(min: number, max: number, margin: number): readonly [number, number] {
  const middle = min / 2 + max / 2;
  const reach = margin * (max / 2 - min / 2);
  return [middle - reach, middle + reach];
}

/** Elements of a tensor (row-major) beyond the range and its margin; null if there are none. NaN is outside. */
export function outsideInput(
  values: Float64Array,
  shape: readonly number[],
  { min, max }: InputRange,
): Outside | null {
  const limits = min.map((low, channel) => widened(low, max[channel]!, INPUT_MARGIN));
  const inner =
    limits.length === 1 ? values.length : shape.slice(2).reduce((size, extent) => size * extent, 1);
  return outside(values, limits, inner);
}

/** The same of an output; `noise` may take values out of any range, such as that of an output that is always 0. */
export function outsideOutput(
  values: Float64Array,
  { min, max }: OutputRange,
  noise: number,
): Outside | null {
  const [low, high] = widened(min, max, OUTPUT_MARGIN);
  const room = noise + LEAST_FLOAT32;
  return outside(values, [[low - room, high + room]], values.length);
}

function outside(
  values: Float64Array,
  limits: readonly (readonly [number, number])[],
  inner: number,
): Outside | null {
  let found: { first: number; channel: number } | null = null;
  let count = 0;
  for (let e = 0; e < values.length; e++) {
    const channel = limits.length === 1 ? 0 : Math.floor(e / inner) % limits.length;
    const [low, high] = limits[channel]!;
    if (values[e]! >= low && values[e]! <= high) continue;
    found ??= { first: e, channel };
    count++;
  }
  return found === null ? null : { ...found, count };
}

/** Says that the output was refused, and nothing of what was found: the answer must not tell about noise or values. */
export function outputOutOfRange(what: string): ArtifactError {
  return new ArtifactError(
    'OUTPUT_OUT_OF_RANGE',
    `${what} holds nothing that the model can give: values have left their ranges, or the modulus has wrapped around`,
    {
      hint: 'check the input and how it is prepared, or calibrate on inputs like this one; do not tell the server, nor send it the same ciphertexts again',
    },
  );
}
