/** MNIST and CIFAR-10 as published: pictures and labels in flat files of bytes. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactError } from '../errors.ts';
import type { PictureSource } from './dataset.ts';
import { parseIdx } from './idx.ts';
import { gunzipBounded, MAX_DATASET_BYTES, readBounded } from './read-file.ts';

export type MnistSplit = 'train' | 'test';

const MNIST_PREFIX: Readonly<Record<MnistSplit, string>> = { train: 'train', test: 't10k' };

/** @throws ArtifactError FILE_NOT_FOUND, IDX_DAMAGED, LABELS_INVALID, … */
export async function openMnist(directory: string, split: MnistSplit): Promise<PictureSource> {
  const imageFile = await findIdxFile(directory, MNIST_PREFIX[split], 'images', 3);
  const labelFile = await findIdxFile(directory, MNIST_PREFIX[split], 'labels', 1);
  const images = parseIdx(await readData(imageFile), 3, imageFile);
  const labels = parseIdx(await readData(labelFile), 1, labelFile);
  const [size, height, width] = images.shape as [number, number, number];
  if (labels.values.length !== size) {
    throw new ArtifactError(
      'LABELS_INVALID',
      `${labelFile} has ${labels.values.length} labels for ${size} images`,
      {
        hint: 'fetch both files again',
      },
    );
  }
  const area = width * height;
  return {
    description: `mnist:${directory}:${split}`,
    size,
    picture: (index) => ({
      width,
      height,
      channels: 1,
      pixels: images.values.subarray(index * area, (index + 1) * area),
    }),
    label: (index) => labels.values[index]!,
    nameOf: (index) => `${imageFile}, image ${index}`,
  };
}

/** The files are seen with "-" or "." before "idx", and with or without .gz. */
async function findIdxFile(
  directory: string,
  prefix: string,
  kind: 'images' | 'labels',
  rank: number,
): Promise<string> {
  const names = ['-', '.'].flatMap((separator) => {
    const name = `${prefix}-${kind}${separator}idx${rank}-ubyte`;
    return [name, `${name}.gz`];
  });
  for (const name of names) {
    const path = join(directory, name);
    try {
      await access(path);
      return path;
    } catch {
      continue;
    }
  }
  throw new ArtifactError('FILE_NOT_FOUND', `the data set: none of ${names.join(', ')} is in ${directory}`, {
    hint: 'mnist:DIR names the directory with the four IDX files; choose another part with :train or :test',
  });
}

const CIFAR_SIDE = 32;
const CIFAR_PIXELS = 3 * CIFAR_SIDE * CIFAR_SIDE;
const CIFAR_RECORD = 1 + CIFAR_PIXELS;
const CIFAR_CLASSES = 10;

/** CIFAR-10, binary version: a label byte and 3 × 32 × 32 bytes per record. https://www.cs.toronto.edu/~kriz/cifar.html */
export async function openCifar10(file: string): Promise<PictureSource> {
  const bytes = await readData(file);
  const size = bytes.length / CIFAR_RECORD;
  if (!Number.isInteger(size)) {
    throw new ArtifactError(
      'CIFAR_DAMAGED',
      `${file} has ${bytes.length} bytes, expected a multiple of ${CIFAR_RECORD} (a label and 3×32×32 pixels each)`,
      { hint: 'use the "binary version" of CIFAR-10' },
    );
  }
  for (let index = 0; index < size; index++) {
    const label = bytes[index * CIFAR_RECORD]!;
    if (label >= CIFAR_CLASSES) {
      throw new ArtifactError(
        'CIFAR_DAMAGED',
        `${file}: record ${index} has label ${label}, expected 0 to 9`,
        {
          hint: 'use the "binary version" of CIFAR-10 (not CIFAR-100)',
        },
      );
    }
  }
  return {
    description: `cifar10:${file}`,
    size,
    picture: (index) => ({
      width: CIFAR_SIDE,
      height: CIFAR_SIDE,
      channels: 3,
      pixels: bytes.subarray(index * CIFAR_RECORD + 1, (index + 1) * CIFAR_RECORD),
    }),
    label: (index) => bytes[index * CIFAR_RECORD]!,
    nameOf: (index) => `${file}, record ${index}`,
  };
}

async function readData(path: string): Promise<Uint8Array> {
  return gunzipBounded(await readBounded(path, MAX_DATASET_BYTES, 'the data set'), MAX_DATASET_BYTES, path);
}
