/** From bytes to the numbers a model was trained on: x = (pixel · scale − mean[c]) / std[c]. */
import { ArtifactError } from '../errors.ts';
import type { Preprocessing } from '../program/signature.ts';

/** One table of 256 values per channel; a single one serves all channels where mean and std are given once. */
export type PixelTables = readonly Float32Array[];

/** @throws ArtifactError PREPROCESSING_INVALID if mean or std fit neither 1 nor `channels` channels */
export function pixelTables(preprocessing: Preprocessing, channels: number): PixelTables {
  const { pixelScale, mean, std } = preprocessing;
  for (const [name, values] of [['mean', mean] as const, ['std', std] as const]) {
    if (values.length !== 1 && values.length !== channels) {
      throw new ArtifactError(
        'PREPROCESSING_INVALID',
        `${name} has ${values.length} values, expected 1 or one for each of the ${channels} channels`,
        { hint: 'compile with --mean and --std that fit the model input' },
      );
    }
  }
  if (![pixelScale, ...mean, ...std].every(Number.isFinite) || std.some((value) => value === 0)) {
    throw new ArtifactError('PREPROCESSING_INVALID', 'pixel scale, mean and std must be finite, std not 0');
  }
  const count = Math.max(mean.length, std.length);
  return Array.from({ length: count }, (_, c) => {
    const m = mean[mean.length === 1 ? 0 : c]!;
    const s = std[std.length === 1 ? 0 : c]!;
    return Float32Array.from({ length: 256 }, (_unused, pixel) => (pixel * pixelScale - m) / s);
  });
}

/** Channel planes of bytes → values, of `images` one after the other. `pixels.length` is a multiple of both. */
export function preprocessPixels(
  pixels: Uint8Array,
  channels: number,
  tables: PixelTables,
  images = 1,
): Float32Array {
  const plane = pixels.length / channels / images;
  const values = new Float32Array(pixels.length);
  for (let p = 0; p < channels * images; p++) {
    const table = tables[tables.length === 1 ? 0 : p % channels]!;
    for (let i = p * plane; i < (p + 1) * plane; i++) values[i] = table[pixels[i]!]!;
  }
  return values;
}
