import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DataTarget } from './dataset.ts';
import { loadDataset } from './load-dataset.ts';
import { bytesOf, idxFile, npyFile, pngFile, tensorProtoFile } from './testing/sample-files.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function put(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

function target(shape: readonly number[], mean = [0], std = [1]): DataTarget {
  return { inputs: [{ name: 'x', shape }], preprocessing: { pixelScale: 1 / 255, mean, std } };
}

function ramp(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => i % 256);
}

describe('mnist', () => {
  it('reads IDX files, gzipped or not, and preprocesses', async () => {
    await put('mnist/t10k-images-idx3-ubyte.gz', gzipSync(idxFile([2, 3, 4], ramp(24))));
    await put('mnist/t10k-labels-idx1-ubyte', idxFile([2], Uint8Array.from([7, 3])));
    const data = await loadDataset(`mnist:${folder}/mnist`, target([1, 1, 3, 4], [0.5], [0.25]));
    expect(data.size).toBe(2);
    expect([data.label(0), data.label(1)]).toEqual([7, 3]);
    expect(data.sample(1, 0)[5]).toBeCloseTo((17 / 255 - 0.5) / 0.25, 6);
    expect(data.description).toContain(':test, 2 samples');
  });

  it('repeats grey for colour inputs and says so', async () => {
    const data = await loadDataset(`mnist:${folder}/mnist:test`, target([1, 3, 3, 4], [0, 1, 2]));
    expect(data.description).toContain('grey repeated');
    expect(data.sample(0, 0)[24 + 5]).toBeCloseTo(5 / 255 - 2, 6);
  });

  it('takes pictures row by row where the input is flat', async () => {
    const data = await loadDataset(`mnist:${folder}/mnist`, target([1, 12]));
    expect(data.sample(0, 0)).toHaveLength(12);
  });

  it('states expected and actual size', async () => {
    await expect(loadDataset(`mnist:${folder}/mnist`, target([1, 1, 28, 28]))).rejects.toThrow(
      /4×3 pixels, the model input expects 28×28/,
    );
  });

  it('says which files it looked for', async () => {
    await expect(loadDataset(`mnist:${folder}/mnist:train`, target([1, 1, 3, 4]))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      message: expect.stringContaining('train-images-idx3-ubyte') as string,
    });
  });
});

describe('cifar10', () => {
  it('reads records', async () => {
    const records = Buffer.concat([Buffer.from([4]), ramp(3072), Buffer.from([9]), Buffer.alloc(3072, 255)]);
    const file = await put('cifar.bin', records);
    const data = await loadDataset(`cifar10:${file}`, target([1, 3, 32, 32], [0, 0, 0], [1, 1, 0.5]), {
      limit: 5,
    });
    expect([data.size, data.label(0), data.label(1)]).toEqual([2, 4, 9]);
    expect(data.sample(1, 0)[0]).toBeCloseTo(1, 6);
    expect(data.sample(1, 0)[3071]).toBeCloseTo(2, 6);
  });

  it('refuses other lengths and labels', async () => {
    const file = await put('bad.bin', new Uint8Array(3072));
    await expect(loadDataset(`cifar10:${file}`, target([1, 3, 32, 32]))).rejects.toMatchObject({
      code: 'CIFAR_DAMAGED',
    });
    const wrong = await put('wrong.bin', Buffer.alloc(3073, 200));
    await expect(loadDataset(`cifar10:${wrong}`, target([1, 3, 32, 32]))).rejects.toThrow(/label 200/);
  });
});

describe('images', () => {
  it('takes labels from folder names, classes in turn', async () => {
    for (const [name, value] of [
      ['cat/a', 10],
      ['cat/b', 20],
      ['dog/a', 30],
    ] as const) {
      await put(`pets/${name}.png`, pngFile(2, 2, 1, new Uint8Array(4).fill(value)));
    }
    const data = await loadDataset(`images:${folder}/pets`, target([1, 1, 2, 2]), {
      classNames: ['dog', 'cat'],
    });
    expect([0, 1, 2].map((i) => data.label(i))).toEqual([1, 0, 1]);
    expect([0, 1, 2].map((i) => Math.round(data.sample(i, 0)[0]! * 255))).toEqual([10, 30, 20]);
    const unnamed = await loadDataset(`images:${folder}/pets`, target([1, 1, 2, 2]), { limit: 2 });
    expect([unnamed.size, unnamed.label(0), unnamed.label(1)]).toEqual([2, 0, 1]);
  });

  it('refuses folders that are no class', async () => {
    await expect(
      loadDataset(`images:${folder}/pets`, target([1, 1, 2, 2]), { classNames: ['dog', 'bird'] }),
    ).rejects.toMatchObject({ code: 'LABELS_INVALID' });
  });

  it('takes labels from labels.csv', async () => {
    await put('flat/x.png', pngFile(2, 2, 3, new Uint8Array(12).fill(100)));
    await put('flat/labels.csv', 'file,label\nx.png,6\n');
    const data = await loadDataset(`images:${folder}/flat`, target([1, 1, 2, 2]));
    expect([data.size, data.label(0)]).toEqual([1, 6]);
    expect(data.description).toContain('colour converted to grey');
    await put('flat/labels.csv', 'file,label\n../x.png,6\n');
    await expect(loadDataset(`images:${folder}/flat`, target([1, 1, 2, 2]))).rejects.toMatchObject({
      code: 'LABELS_INVALID',
    });
  });
});

describe('npy and pb', () => {
  it('preprocesses bytes and takes floats as they are', async () => {
    const bytes = await put('u1.npy', npyFile('|u1', [3, 1, 2, 2], ramp(12)));
    const floats = await put('f4.npy', npyFile('<f4', [3, 1, 2, 2], bytesOf(Float32Array.from(ramp(12)))));
    const labels = await put('y.npy', npyFile('<i8', [3], bytesOf(new BigInt64Array([2n, 0n, 1n]))));
    const pixels = await loadDataset(`npy:${bytes},${labels}`, target([1, 1, 2, 2], [0.5]));
    expect(pixels.sample(2, 0)[3]).toBeCloseTo(11 / 255 - 0.5, 6);
    expect([0, 1, 2].map((i) => pixels.label(i))).toEqual([2, 0, 1]);
    const raw = await loadDataset(`npy:${floats}`, target([1, 1, 2, 2], [0.5]));
    expect([raw.sample(2, 0)[3], raw.label(0)]).toEqual([11, null]);
  });

  it('states the shape expected', async () => {
    await expect(loadDataset(`npy:${folder}/u1.npy`, target([1, 3, 2, 2]))).rejects.toThrow(
      /has shape \[3, 1, 2, 2\], input x expects \[n, 3, 2, 2\]/,
    );
  });

  it('shares out samples to a batch that the model fixes', async () => {
    const batches = target([2, 3, 1, 1], [0, 1, 2]);
    const bytes = await put('batch.npy', npyFile('|u1', [6, 3, 1, 1], ramp(18)));
    const data = await loadDataset(`npy:${bytes}`, batches);
    expect(data.size).toBe(3);
    const expected = [12, 13, 14, 15, 16, 17].map((pixel, i) => pixel / 255 - (i % 3));
    [...data.sample(2, 0)].forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    const odd = await put('odd.npy', npyFile('|u1', [5, 3, 1, 1], ramp(15)));
    await expect(loadDataset(`npy:${odd}`, batches)).rejects.toThrow(/expects \[2n, 3, 1, 1\]/);
  });

  it('takes masks of bytes for every pixel', async () => {
    const pixels = await put('pixels.npy', npyFile('|u1', [3, 1, 2, 2], ramp(12)));
    const masks = await put('masks.npy', npyFile('|u1', [3, 1, 2, 2], ramp(12)));
    const data = await loadDataset(`npy:${pixels},${masks}`, target([1, 1, 2, 2]));
    expect([data.label(1), [...data.mask!(1)]]).toEqual([null, [4, 5, 6, 7]]);
    const fewer = await put('fewer.npy', npyFile('|u1', [2, 2, 2], ramp(8)));
    await expect(loadDataset(`npy:${pixels},${fewer}`, target([1, 1, 2, 2]))).rejects.toMatchObject({
      message: `npy:${pixels},${fewer}: 2 masks for 3 samples`,
    });
  });

  it('refuses labels that do not match', async () => {
    const labels = await put('short.npy', npyFile('|u1', [2], ramp(2)));
    await expect(loadDataset(`npy:${folder}/u1.npy,${labels}`, target([1, 1, 2, 2]))).rejects.toMatchObject({
      code: 'LABELS_INVALID',
    });
  });

  it('deals pb files to the inputs in turn', async () => {
    const file = (value: number): Uint8Array =>
      tensorProtoFile([1, 2], 1, bytesOf(new Float32Array([value, value])));
    const names = await Promise.all([1, 2, 3, 4].map((value) => put(`${value}.pb`, file(value))));
    const inputs = ['a', 'b'].map((name) => ({ name, shape: [1, 2] }));
    const data = await loadDataset(`pb:${names.join(',')}`, { ...target([1, 2]), inputs });
    expect(data.size).toBe(2);
    expect([data.sample(0, 0)[0], data.sample(0, 1)[0], data.sample(1, 0)[0], data.sample(1, 1)[0]]).toEqual([
      1, 2, 3, 4,
    ]);
    await expect(
      loadDataset(`pb:${names.slice(1).join(',')}`, { ...target([1, 2]), inputs }),
    ).rejects.toMatchObject({
      code: 'DATA_SPEC_INVALID',
    });
  });
});

describe('random', () => {
  it('is reproducible, and depends on seed and sample', async () => {
    const load = (seed: number) => loadDataset(`random:${seed}`, target([1, 1, 8, 8]), { limit: 10 });
    const [one, same, other] = await Promise.all([load(1), load(1), load(2)]);
    expect([...one.sample(3, 0)]).toEqual([...same.sample(3, 0)]);
    expect([...one.sample(3, 0)]).not.toEqual([...other.sample(3, 0)]);
    expect([...one.sample(3, 0)]).not.toEqual([...one.sample(4, 0)]);
    const mean = one.sample(0, 0).reduce((sum, value) => sum + value, 0) / 64;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.15);
  });
});

describe('what is wrong with a SPEC', () => {
  it.each(['mnist', 'mnist:', 'tiff:x', 'npy:a,b,c', 'npy:,y', 'random:abc', 'pb:a,,b', ''])(
    '%s',
    async (spec) => {
      await expect(loadDataset(spec, target([1]))).rejects.toMatchObject({
        code: 'DATA_SPEC_INVALID',
        exitCode: 2,
      });
    },
  );

  it('directories and missing files are told apart', async () => {
    await expect(loadDataset(`npy:${folder}`, target([1]))).rejects.toMatchObject({
      code: 'FILE_IS_DIRECTORY',
    });
    await expect(loadDataset(`npy:${folder}/none.npy`, target([1]))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    await expect(loadDataset(`images:${folder}/none`, target([1]))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });
});
