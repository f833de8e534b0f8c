import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadInput } from './load-input.ts';
import { bytesOf, npyFile, pngFile, tensorProtoFile } from './testing/sample-files.ts';

const input = { name: 'x', shape: [1, 1, 2, 2] };
const preprocessing = { pixelScale: 1 / 255, mean: [0.5], std: [0.5] };
const expected = [0, 51, 102, 255].map((pixel) => Math.fround((pixel / 255 - 0.5) / 0.5));

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-input-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(
  name: string,
  content: Uint8Array | string,
): Promise<Awaited<ReturnType<typeof loadInput>>> {
  await writeFile(join(folder, name), content);
  return loadInput(join(folder, name), input, preprocessing);
}

it('gives the same values from every format', async () => {
  const pixels = Uint8Array.from([0, 51, 102, 255]);
  const floats = bytesOf(new Float32Array(expected));
  const files = [
    await load('a.png', pngFile(2, 2, 1, pixels)),
    await load('a.npy', npyFile('|u1', [2, 2], pixels)),
    await load('b.npy', npyFile('<f4', [1, 1, 2, 2], floats)),
    await load('a.pb', tensorProtoFile([1, 2, 2], 1, floats)),
    await load('a.json', JSON.stringify([[expected.slice(0, 2), expected.slice(2)]])),
    await load('b.json', JSON.stringify({ shape: [1, 1, 2, 2], data: expected })),
  ];
  for (const { values } of files) {
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 6);
  }
  expect(files[0]!.picture?.pixels).toHaveLength(4);
});

it('converts colour to grey and says so', async () => {
  const { values, notes } = await load('colour.png', pngFile(2, 2, 3, new Uint8Array(12).fill(255)));
  expect(notes).toEqual(['colour converted to grey (0.299 R + 0.587 G + 0.114 B)']);
  expect(values[0]).toBeCloseTo(1, 6);
});

it.each([
  [
    'wrong.png',
    pngFile(3, 2, 1, new Uint8Array(6)),
    'INPUT_SHAPE_MISMATCH',
    /3×2 pixels, the model input expects 2×2/,
  ],
  [
    'wrong.npy',
    npyFile('<f4', [2, 2, 1], new Uint8Array(16)),
    'INPUT_SHAPE_MISMATCH',
    /\[2, 2, 1\].*\[1, 1, 2, 2\]/,
  ],
  ['ragged.json', '[[1, 2], [3]]', 'JSON_DAMAGED', /ragged/],
  ['text.json', '[["a"]]', 'JSON_DAMAGED', /not a number/],
  ['deep.json', '['.repeat(4000) + ']'.repeat(4000), 'JSON_DAMAGED', /dimensions/],
  ['x.gif', 'GIF89a', 'INPUT_FORMAT_UNKNOWN', /\.png, \.jpg, \.npy, \.pb or \.json/],
])('refuses %s', async (name, content, code, message) => {
  const error = load(name, content);
  await expect(error).rejects.toMatchObject({ code, exitCode: 1 });
  await expect(error).rejects.toThrow(message);
});

it('takes several samples from one array, where a batch has room for them', async () => {
  await writeFile(
    join(folder, 'two.npy'),
    npyFile('|u1', [2, 1, 2, 2], Uint8Array.from([0, 51, 102, 255, 255, 0, 0, 0])),
  );
  const two = await loadInput(join(folder, 'two.npy'), input, preprocessing, 2);
  expect(two.samples).toBe(2);
  const second = [255, 0, 0, 0].map((pixel) => Math.fround((pixel / 255 - 0.5) / 0.5));
  for (const [i, value] of two.values.entries()) expect(value).toBeCloseTo([...expected, ...second][i]!, 6);
  await expect(loadInput(join(folder, 'two.npy'), input, preprocessing, 1)).rejects.toMatchObject({
    code: 'INPUT_SHAPE_MISMATCH',
  });
});
