import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ACCURACY_FIXTURES, readSuite } from './accuracy-suite.ts';

it('reads a list of cases, and says what is wrong with others', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-suite-'));
  try {
    const file = join(folder, 'suite.json');
    const one = { name: 'net', kind: 'CNN', model: 'net.onnx', calibration: 'random:1', data: 'random:2' };
    await writeFile(file, JSON.stringify([{ ...one, std: [0.5] }]));
    expect(await readSuite(file)).toEqual([{ ...one, std: [0.5] }]);
    await writeFile(file, JSON.stringify([{ ...one, name: '../net' }]));
    await expect(readSuite(file)).rejects.toMatchObject({ code: 'BENCH_USAGE' });
    await writeFile(file, JSON.stringify([{ ...one, calibrations: 'random:3' }]));
    await expect(readSuite(file)).rejects.toThrow(/calibrations/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('names fixtures that exist', () => {
  for (const { model, data } of ACCURACY_FIXTURES) {
    expect(existsSync(model)).toBe(true);
    for (const part of data.slice('npy:'.length).split(',')) expect(existsSync(part)).toBe(true);
  }
});
