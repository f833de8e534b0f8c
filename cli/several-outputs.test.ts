/** Models with several outputs, and with a batch axis that they fix: every output is compared, sample by sample. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ModelBuilder, integers, randomTensor, tensor } from '../src/compiler/onnx/testing/model-builder.ts';
import { bytesOf, npyFile } from '../src/data/testing/sample-files.ts';
import { runHere } from './testing/run-cli.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-outputs-'));
  const values = Float32Array.from({ length: 24 * 4 }, (_, i) => Math.sin(i));
  await writeFile(join(folder, 'x.npy'), npyFile('<f4', [24, 4], bytesOf(values)));
  await writeFile(join(folder, 'one.npy'), npyFile('<f4', [1, 4], bytesOf(values.slice(0, 4))));
});
afterAll(() => rm(folder, { recursive: true }));

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runHere([...args, '--json'], folder);
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function compile(name: string, builder: ModelBuilder): Promise<void> {
  await writeFile(join(folder, `${name}.onnx`), builder.bytes());
  await json(`${name}.onnx`, '-o', `${name}.hemodel`, '--backend', 'cleartext', '--calibration', 'npy:x.npy');
}

const SQUARES = (): ModelBuilder =>
  new ModelBuilder(17)
    .constant('w', randomTensor([4, 3], 1))
    .constant('axes', integers(1))
    .node('MatMul', ['x', 'w'], ['h'])
    .node('Mul', ['h', 'h'], ['squares'])
    .node('ReduceSum', ['squares', 'axes'], ['sum'])
    .node('Softmax', ['squares'], ['shares']);

const CLOSE = 1e-4;

it('bench and run compare all outputs by name, the first of which is constant in the file', async () => {
  const builder = SQUARES()
    .input('x', ['N', 4])
    .constant('k', tensor([2], [1, 2]))
    .node('Identity', ['k'], ['anchors']);
  await compile('several', builder.output('anchors').output('sum').output('shares').output('squares'));
  const report = (await json(
    ...['bench', 'several.hemodel', '--model', 'several.onnx', '--data', 'npy:x.npy', '--limit', '5'],
  )) as { maxAbsError: number; otherOutputs: { name: string; errors: { total: { maxAbsError: number } } }[] };
  expect(report.maxAbsError).toBeLessThan(CLOSE);
  expect(report.otherOutputs.map(({ name }) => name)).toEqual(['shares', 'squares']);
  for (const { errors } of report.otherOutputs) expect(errors.total.maxAbsError).toBeLessThan(CLOSE);

  const result = (await json(
    ...['run', 'several.hemodel', '--model', 'several.onnx', '--input', 'one.npy'],
  )) as {
    reference: { data: number[] };
    comparisons: { name: string; maxAbsError: number; reference: { shape: number[]; data: number[] } }[];
    outputs: { data: number[] }[];
  };
  expect(result.comparisons.map(({ name, reference }) => [name, reference.shape])).toEqual([
    ['sum', [1, 1]],
    ['shares', [1, 3]],
    ['squares', [1, 3]],
  ]);
  expect(result.reference).toEqual(result.comparisons[0]!.reference);
  for (const [i, { maxAbsError, reference }] of result.comparisons.entries()) {
    expect(maxAbsError).toBeLessThan(CLOSE);
    result.outputs[i]!.data.forEach((value, e) =>
      expect(Math.abs(value - reference.data[e]!)).toBeLessThan(CLOSE),
    );
  }
});

it('shares a fixed batch out to samples', async () => {
  await compile('batch', SQUARES().input('x', [3, 4]).output('squares'));
  const report = await json(
    ...['bench', 'batch.hemodel', '--model', 'batch.onnx', '--data', 'npy:x.npy', '--limit', '4'],
  );
  expect(report).toMatchObject({ n: 4, plaintextSamples: 24 });
  expect(report['maxAbsError']).toBeLessThan(CLOSE);
});

it('takes a first axis along which rows meet for part of the sample', async () => {
  const mean = SQUARES()
    .input('x', [3, 4])
    .constant('rows', integers(0))
    .node('ReduceSum', ['squares', 'rows'], ['y']);
  await compile('rows', mean.output('y'));
  const report = await json(
    ...['bench', 'rows.hemodel', '--model', 'rows.onnx', '--data', 'npy:x.npy', '--limit', '4'],
  );
  expect(report).toMatchObject({ n: 4, plaintextSamples: 8 });
  expect(report['maxAbsError']).toBeLessThan(CLOSE);
});
