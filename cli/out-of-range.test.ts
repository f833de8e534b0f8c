/** Inputs ×3, ×10 and ×10⁶ through the commands: refused before anything is made of them, or gone on with when told to. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelBuilder, randomTensor, tensor } from '../src/compiler/onnx/testing/model-builder.ts';
import { bytesOf, npyFile } from '../src/data/testing/sample-files.ts';
import { runHere } from './testing/run-cli.ts';

const SAMPLES = 40;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-ranges-'));
  const values = Float32Array.from({ length: SAMPLES * 6 }, (_, i) => Math.sin(i));
  const save = (name: string, rows: number, factor: number): Promise<void> =>
    writeFile(
      join(folder, name),
      npyFile('<f4', [rows, 6], bytesOf(values.slice(0, rows * 6).map((value) => factor * value))),
    );
  await save('data.npy', SAMPLES, 1);
  for (const factor of [1, 1.2, 3, 10, 1e6]) await save(`x${factor}.npy`, 1, factor);
  const wild = values.slice(0, 18).map((value, i) => (i < 12 ? value : 10 * value));
  await writeFile(join(folder, 'wild.npy'), npyFile('<f4', [3, 6], bytesOf(wild)));
  await writeFile(join(folder, 'no.key'), 'no key');
  const model = new ModelBuilder(17)
    .input('x', ['N', 6])
    .constant('w', randomTensor([6, 4], 1))
    .constant('b', tensor([4], [0.1, 0.2, 0.3, 0.4]))
    .node('MatMul', ['x', 'w'], ['h'])
    .node('Add', ['h', 'b'], ['s'])
    .node('Mul', ['s', 's'], ['y'])
    .output('y');
  await writeFile(join(folder, 'm.onnx'), model.bytes());
  const clear = ['m.onnx', '--calibration', 'npy:data.npy', '--backend', 'cleartext', '-o', 'clear.hemodel'];
  const { exitCode, stderr } = await runHere(clear, folder);
  expect(exitCode, stderr).toBe(0);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

async function json(
  ...args: string[]
): Promise<{ exitCode: number | null; stderr: string; document: object }> {
  const { exitCode, stdout, stderr } = await runHere([...args, '--json'], folder);
  return { exitCode, stderr, document: JSON.parse(stdout) as object };
}

const COMMANDS = {
  run: ['run', 'clear.hemodel'],
  encrypt: ['encrypt', 'clear.hemodel', '--public-key', 'no.key', '-o', 'out.hect'],
};

describe.each(Object.entries(COMMANDS))('%s', (_name, command) => {
  it.each(['x3', 'x10', 'x1000000'])('refuses %s', async (input) => {
    const { exitCode, document } = await json(...command, '--input', `${input}.npy`);
    expect(exitCode).toBe(1);
    expect(document).toMatchObject({ error: { code: 'INPUT_OUT_OF_RANGE' } });
  });
});

it('run takes what is within the margin', async () => {
  const { exitCode, document } = await json(
    'run',
    'clear.hemodel',
    '--input',
    'x1.2.npy',
    '--model',
    'm.onnx',
  );
  expect(exitCode).toBe(0);
  expect(document).toMatchObject({ maxAbsError: expect.closeTo(0, 4) as number });
  expect(document).not.toHaveProperty('warnings');
});

it('run goes on where it is told to, with a warning, and does not show what the model cannot give', async () => {
  const allowed = ['run', 'clear.hemodel', '--allow-out-of-range', '--input'];
  const spoilt = await json(...allowed, 'x10.npy');
  expect(spoilt.exitCode).toBe(1);
  expect(spoilt.document).toMatchObject({ error: { code: 'OUTPUT_OUT_OF_RANGE' } });
  expect(spoilt.stderr).toContain('warning: input x leaves the range');
  const fine = await json(...allowed, 'x1.npy');
  expect(fine.exitCode).toBe(0);
  expect(fine.stderr).not.toContain('warning');
});

it('bench counts inputs and outputs out of range, and goes on', async () => {
  const { exitCode, document } = await json(
    ...['bench', 'clear.hemodel', '--model', 'm.onnx', '--data', 'npy:wild.npy'],
  );
  expect(exitCode).toBe(0);
  expect(document).toMatchObject({
    n: 3,
    outOfRange: { inputs: 1, outputs: 1 },
    agreement: expect.closeTo(2 / 3, 6) as number,
    maxAbsError: expect.closeTo(0, 4) as number,
  });
});
