/** Outputs that say something of every pixel: which class each has, and how well two such maps overlap. */

/** How far the maps of two models agree. */
export interface MaskAgreement {
  /** Fraction of pixels with the same class. */
  readonly pixels: number;
  /**
   * Intersection over union of the foreground; the mean over classes that either map has, where there are several channels. 1 if
   * neither has any.
   */
  readonly iou: number;
}

/** How an output is read as a map. */
export interface MaskReading {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Of a single channel: what is above it is foreground. Null where the largest of several channels counts. */
  readonly threshold: number | null;
}

/**
 * Null unless the output has the height and width of the input, as its last two axes.
 * @param output, input shapes of one sample
 * @param values outputs of the plaintext model: scores of one channel that all lie within [0, 1] are probabilities, of which more
 *   than one half is foreground; others are logits, positive in the foreground
 */
export function maskReading(
  output: readonly number[],
  input: readonly number[],
  values: readonly ArrayLike<number>[],
): MaskReading | null {
  if (output.length < 2 || input.length < 2) return null;
  const [height, width] = output.slice(-2) as [number, number];
  if (height < 2 || width < 2 || input.at(-2) !== height || input.at(-1) !== width) return null;
  const channels = output.slice(0, -2).reduce((product, extent) => product * extent, 1);
  if (channels > 1) return { channels, height, width, threshold: null };
  const probabilities = values.every((map) => Array.prototype.every.call(map, isProbability));
  return { channels, height, width, threshold: probabilities ? 0.5 : 0 };
}

function isProbability(value: number): boolean {
  return value >= 0 && value <= 1;
}

/** Class of every pixel, row by row. */
export function maskOf(values: ArrayLike<number>, reading: MaskReading): Uint8Array {
  const { channels, threshold, height, width } = reading;
  const pixels = height * width;
  return Uint8Array.from({ length: pixels }, (_, pixel) => {
    if (threshold !== null) return values[pixel]! > threshold ? 1 : 0;
    let best = 0;
    for (let c = 1; c < channels; c++) {
      if (values[c * pixels + pixel]! > values[best * pixels + pixel]!) best = c;
    }
    return best;
  });
}

/** @param left, right maps of the same size, see `maskOf` */
export function compareMasks(left: Uint8Array, right: Uint8Array, { threshold }: MaskReading): MaskAgreement {
  const union = new Map<number, number>();
  const both = new Map<number, number>();
  const count = (map: Map<number, number>, key: number): void => void map.set(key, (map.get(key) ?? 0) + 1);
  let same = 0;
  for (let i = 0; i < left.length; i++) {
    const [a, b] = [left[i]!, right[i]!];
    count(union, a);
    if (a === b) {
      same++;
      count(both, a);
    } else {
      count(union, b);
    }
  }
  const classes = [...union.keys()].filter((key) => threshold === null || key === 1);
  const ious = classes.map((key) => (both.get(key) ?? 0) / union.get(key)!);
  const iou = ious.length === 0 ? 1 : ious.reduce((sum, value) => sum + value, 0) / ious.length;
  return { pixels: same / left.length, iou };
}
