import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import jpeg from 'jpeg-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npyFile, pngFile } from '../../data/testing/sample-files.ts';
import type { Signature } from '../../program/signature.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture } from '../testing/served-model.ts';
import { AllowedPaths } from './allowed-paths.ts';
import { readInput } from './read-input.ts';

const INVALID = { code: 'ERROR_INVALID_INPUT' };

let folder: string;
let model: TestModel;
let signature: Signature;
let allowed: AllowedPaths;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-input-')));
  model = await compileFixture('digits-square');
  ({ signature } = model.artifact);
  allowed = await AllowedPaths.create([folder], []);
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function put(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

function read(...paths: string[]): ReturnType<typeof readInput> {
  return readInput(allowed, paths, signature, 1);
}

function photo(): Buffer {
  const data = Buffer.from(Uint8Array.from({ length: 28 * 28 * 4 }, (_, i) => (i * 7) % 256));
  return Buffer.from(jpeg.encode({ data, width: 28, height: 28 }, 90).data);
}

function withExif(file: Buffer, text: string): Buffer {
  const body = Buffer.concat([Buffer.from('Exif\0\0MM\0*\0\0\0\x08\0\0', 'latin1'), Buffer.from(text)]);
  const head = Buffer.from([0xff, 0xe1, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([file.subarray(0, 2), head, body, file.subarray(2)]);
}

/** A chunk of a PNG before its pixels. */
function withChunk(file: Buffer, type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(typed));
  return Buffer.concat([file.subarray(0, 33), length, typed, check, file.subarray(33)]);
}

describe('metadata', () => {
  it('of a JPEG changes nothing of what is encrypted', async () => {
    const plain = await read(await put('plain.jpg', photo()));
    const tagged = await read(await put('tagged.jpg', withExif(photo(), 'GPS 47.3769 N 8.5417 E')));
    expect(tagged).toEqual(plain);
    expect(JSON.stringify(tagged)).not.toContain('GPS');
  });

  it('of a PNG changes nothing, and is not inflated', async () => {
    const png = Buffer.from(pngFile(28, 28, 1, new Uint8Array(784).fill(9)));
    const bomb = Buffer.concat([
      Buffer.from('Comment\0\0', 'latin1'),
      deflateSync(Buffer.alloc(200 * 2 ** 20)),
    ]);
    const before = process.memoryUsage().rss;
    const plain = await read(await put('plain.png', png));
    const tagged = await read(await put('tagged.png', withChunk(png, 'zTXt', bomb)));
    expect(tagged).toEqual(plain);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 2 ** 20);
  });
});

describe('decompression bombs', () => {
  it('are refused by what they declare, before they are decoded', async () => {
    const before = process.memoryUsage().rss;
    const png = Buffer.from(pngFile(28, 28, 1, new Uint8Array(784)));
    png.writeUInt32BE(4000, 16);
    png.writeUInt32BE(4000, 20);
    await expect(read(await put('bomb.png', png))).rejects.toMatchObject(INVALID);
    const huge = Buffer.from(jpeg.encode({ data: Buffer.alloc(4 * 4 * 4), width: 4, height: 4 }, 50).data);
    huge.writeUInt32BE((4000 << 16) | 4000, huge.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    await expect(read(await put('bomb.jpg', huge))).rejects.toMatchObject(INVALID);
    const array = npyFile('<f8', [1_000_000_000], Buffer.alloc(8));
    await expect(read(await put('bomb.npy', array))).rejects.toMatchObject(INVALID);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
  });

  it('are refused by their size on disk', async () => {
    const large = npyFile('<f8', [1, 1, 280, 280], Buffer.alloc(8 * 280 * 280));
    await expect(read(await put('large.npy', large))).rejects.toMatchObject(INVALID);
  });
});

describe('inputs', () => {
  it('are prepared as the model demands', async () => {
    const { tensors } = await read(await put('x.png', pngFile(28, 28, 1, new Uint8Array(784).fill(51))));
    const [first] = tensors;
    expect(first!.length).toBe(784);
    const { pixelScale, mean, std } = signature.inputs[0]!.preprocessing;
    expect(first![0]).toBeCloseTo((51 * pixelScale - mean[0]!) / std[0]!, 6);
    expect(new Set(first).size).toBe(1);
  });

  it('fill every place of a batch', async () => {
    const [input] = signature.inputs;
    const batched = {
      ...signature,
      inputs: [{ ...input!, layout: { ...input!.layout, shape: [4, 1, 28, 28] } }],
    };
    const path = await put('x.png', pngFile(28, 28, 1, new Uint8Array(784).fill(255)));
    const single = await readInput(allowed, [path], signature, 1);
    const { tensors } = await readInput(allowed, [path], batched, 4);
    expect(single.tensors[0]![0]).not.toBe(0);
    expect([...tensors[0]!]).toEqual(Array.from({ length: 4 }, () => [...single.tensors[0]!]).flat());
  });

  it('of other sizes, kinds and numbers are refused', async () => {
    const right = await put('right.png', pngFile(28, 28, 1, new Uint8Array(784)));
    const wrong = [
      await put('small.png', pngFile(8, 8, 1, new Uint8Array(64))),
      await put('clear.png', pngFile(28, 28, 1, new Uint8Array(784), 7)),
      await put('text.png', Buffer.from('no picture')),
      await put('x.json', Buffer.from('[1]')),
      await put('nan.npy', npyFile('<f8', [1, 1, 28, 28], Buffer.alloc(8 * 784, 0xff))),
    ];
    for (const path of wrong) await expect(read(path), path).rejects.toMatchObject(INVALID);
    await expect(read(right, right)).rejects.toMatchObject(INVALID);
    await expect(read()).rejects.toMatchObject(INVALID);
  });
});
