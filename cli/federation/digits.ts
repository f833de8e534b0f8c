/** The drawn digits of the package, shared out among participants: each has its own, nobody has those that are tested with. */
import { join } from 'node:path';
import { parseNpy } from '../../src/data/npy.ts';
import { MAX_INPUT_FILE_BYTES, readBounded } from '../../src/data/read-file.ts';
import type { DigitImages } from './digit-training.ts';

export interface SharedDigits {
  /** One for each participant. */
  readonly shares: readonly DigitImages[];
  readonly test: DigitImages;
}

export interface SharingOptions {
  readonly participants: number;
  /** Of each participant, and of the test; default: all there are. */
  readonly limit?: number;
}

const PIXELS = 28 * 28;

export async function shareDigits(
  fixtures: string,
  { participants, limit = Infinity }: SharingOptions,
): Promise<SharedDigits> {
  const [training, test] = await Promise.all([
    readDigits(fixtures, 'calibration'),
    readDigits(fixtures, 'test'),
  ]);
  const all = [...training.labels.keys()];
  return {
    // In turns, so that all have about the same, of every class.
    shares: Array.from({ length: participants }, (_, participant) =>
      chosen(training, all.filter((image) => image % participants === participant).slice(0, limit)),
    ),
    test: chosen(test, [...test.labels.keys()].slice(0, limit)),
  };
}

async function readDigits(fixtures: string, name: string): Promise<DigitImages> {
  const read = async (file: string): Promise<ArrayLike<number>> =>
    parseNpy(await readBounded(join(fixtures, file), MAX_INPUT_FILE_BYTES, 'the digits'), file).values;
  return {
    pixels: Float32Array.from(await read(`digits-${name}.npy`), (value) => value / 255),
    labels: Int32Array.from(await read(`digits-${name}-labels.npy`)),
  };
}

function chosen({ pixels, labels }: DigitImages, images: readonly number[]): DigitImages {
  const part = new Float32Array(images.length * PIXELS);
  images.forEach((image, i) => part.set(pixels.subarray(image * PIXELS, (image + 1) * PIXELS), i * PIXELS));
  return { pixels: part, labels: Int32Array.from(images, (image) => labels[image]!) };
}
