/** The commands on an embedded model, in the clear: what they print is the contract. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { runCli } from './testing/run-cli.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
const MODEL = join(FIXTURES, 'digits-square.onnx');
const TEST_DATA = `npy:${join(FIXTURES, 'digits-test.npy')},${join(FIXTURES, 'digits-test-labels.npy')}`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-commands-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runCli([...args, '--json'], folder);
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

it('check: a supported model', async () => {
  expect(await json('check', MODEL)).toMatchObject({ supported: true, diagnostics: [] });
});

it('compile: writes the artifact, the polynomial model, the report and the stages', async () => {
  const calibration = `npy:${join(FIXTURES, 'digits-calibration.npy')}`;
  const compiled = await json(
    ...[MODEL, '-o', 'm.hemodel', '--calibration', calibration, '--samples', '60'],
    ...[
      '--report',
      'm.html',
      '--report',
      'm.md',
      '--emit-polynomial',
      'p.onnx',
      '--dump-ir-after',
      'import-model',
    ],
  );
  expect(compiled).toMatchObject({
    artifact: 'm.hemodel',
    model: 'digits-square',
    slotCount: expect.any(Number) as number,
  });
  const files = await readdir(folder);
  expect(files.toSorted()).toEqual([
    'm.hemodel',
    'm.hemodel.01-import-model.json',
    'm.html',
    'm.md',
    'p.onnx',
  ]);
  expect(
    JSON.parse(
      await readFile(
        join(
          folder,
          files.find((name) => name.endsWith('.json'))!,
        ),
        'utf8',
      ),
    ),
  ).toHaveProperty('nodes');
});

it.each([
  ['where it is built', '', nativeUnavailable() === null ? 'native' : 'seal'],
  ['hidden', 'off', 'seal'],
])('compile and inspect without options: the native engine %s', async (_, hidden, backend) => {
  const environment = { HE_COMPILE_NATIVE: hidden };
  const made = await runCli([MODEL, '-o', 'auto.hemodel', '--samples', '60', '--json'], folder, environment);
  expect(made.exitCode, made.stdout + made.stderr).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({ compiler: { backend } });
  expect(made.stderr.includes('HE_COMPILE_NATIVE=off')).toBe(hidden === 'off');
  const inspected = await runCli(['inspect', 'auto.hemodel', '--json'], folder, environment);
  expect(JSON.parse(inspected.stdout)).toMatchObject({ compiler: { backend }, here: { backend } });
});

it('inspect: a program of node-seal goes to the native engine where it is there', async () => {
  // What was compiled last, with the engine hidden.
  const there = nativeUnavailable() === null;
  expect(await json('inspect', 'auto.hemodel')).toMatchObject({
    compiler: { backend: 'seal' },
    here: { backend: there ? 'native' : 'seal' },
  });
});

it('inspect: the fields of the contract', async () => {
  const document = await json('inspect', 'm.hemodel', '--html', 'i.html');
  for (const field of [
    ...[
      'model',
      'parameters',
      'depth',
      'slotCount',
      'batchSize',
      'inputPackingFormat',
      'inputShape',
      'outputShape',
    ],
    ...['rotationSteps', 'operations', 'layers', 'predicted', 'galoisKeyMappings', 'certificate'],
  ]) {
    expect(document).toHaveProperty(field);
  }
  const parameters = [
    'scheme',
    'polyModulusDegree',
    'coeffModulusBits',
    'logQP',
    'securityBits',
    'secretDistribution',
    'scaleBits',
    'dnum',
  ];
  for (const field of parameters) expect(document['parameters']).toHaveProperty(field);
  const forecasts = ['precisionBits', 'encryptionPrecisionBits', 'latencyMs', 'memoryBytes', 'keyBytes'];
  for (const field of [...forecasts, 'keyBytesInMemory', 'keyBytesSent']) {
    expect(document['predicted']).toHaveProperty(field, expect.any(Number));
  }
  const layers = document['layers'] as { sources: number[]; kind: string }[];
  for (const [index, { sources, kind }] of layers.entries()) {
    if (kind !== 'input') expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) expect(source).toBeLessThan(index);
  }
  expect(await readFile(join(folder, 'i.html'), 'utf8')).toContain('Compiled program');
});

it('run: compares with onnxruntime', async () => {
  const picture = join(FIXTURES, 'samples/7-0.png');
  const result = await json(
    'run',
    'm.hemodel',
    '--input',
    picture,
    '--model',
    MODEL,
    '--backend',
    'cleartext',
  );
  const { output, reference, maxAbsError, latencyMs, bytes } = result as {
    output: { name: string; shape: number[]; data: number[] };
    reference: { data: number[] };
    maxAbsError: number;
    latencyMs: Record<string, number>;
    bytes: Record<string, number>;
  };
  expect(output.shape).toEqual([1, 10]);
  expect(output.data.indexOf(Math.max(...output.data))).toBe(7);
  // Square activations are polynomials already: what is left is onnxruntime's own float32 rounding.
  const range = Math.max(...reference.data.map(Math.abs));
  expect(maxAbsError).toBeLessThan(1e-4 * range);
  expect(maxAbsError).toBeCloseTo(
    Math.max(...output.data.map((value, i) => Math.abs(value - reference.data[i]!))),
    12,
  );
  expect(Object.keys(latencyMs)).toEqual(['keygen', 'encrypt', 'evaluate', 'decrypt']);
  expect(Object.keys(bytes)).toEqual(['galoisKeys', 'relinKeys', 'inputCiphertexts', 'outputCiphertexts']);
});

it('run and bench: warn about a model that is not the one compiled', async () => {
  const bytes = await readFile(MODEL);
  // An unknown metadata field (number 1000, empty): another file, the same network.
  await writeFile(join(folder, 'other.onnx'), Buffer.concat([bytes, Buffer.from([0xc2, 0x3e, 0x00])]));
  const picture = join(FIXTURES, 'samples/7-0.png');
  const run = (model: string): ReturnType<typeof runCli> =>
    runCli(['run', 'm.hemodel', '--input', picture, '--model', model, '--backend', 'cleartext'], folder);
  const bench = [
    ...['bench', 'm.hemodel', '--model', 'other.onnx', '--data', TEST_DATA],
    ...['--limit', '1', '--plaintext-limit', '1', '--backend', 'cleartext', '--json'],
  ];
  const [own, other, measured] = [await run(MODEL), await run('other.onnx'), await runCli(bench, folder)];
  expect(own.stderr).not.toContain('warning');
  for (const { exitCode, stdout, stderr } of [other, measured]) {
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain('warning: other.onnx is not the model');
    expect(stdout).not.toContain('not the model');
  }
});

it('bench: the fields of the contract, and a report', async () => {
  const report = await json(
    ...[
      'bench',
      'm.hemodel',
      '--model',
      MODEL,
      '--data',
      TEST_DATA,
      '--limit',
      '3',
      '--plaintext-limit',
      '100',
    ],
    ...['--backend', 'cleartext', '--report', 'b.html', '--report', 'b.json'],
  );
  expect(report).toMatchObject({ n: 3, plaintextSamples: 100, agreement: 1 });
  expect(report['plaintextAccuracy']).toBeGreaterThan(0.8);
  expect(report['polynomialAccuracy']).toBe(report['plaintextAccuracy']);
  for (const field of [
    'encryptedAccuracy',
    'maxAbsError',
    'throughputPerSecond',
    'bytes',
    'peakMemoryBytes',
    'machine',
    'versions',
  ]) {
    expect(report).toHaveProperty(field);
  }
  for (const field of ['min', 'mean', 'median'])
    expect(report['precisionBits']).toHaveProperty(field, expect.any(Number));
  for (const field of ['median', 'p95', 'min'])
    expect(report['latencyMs']).toHaveProperty(field, expect.any(Number));
  expect(JSON.parse(await readFile(join(folder, 'b.json'), 'utf8'))).toEqual(report);
  expect((await readFile(join(folder, 'b.html'), 'utf8')).match(/data:image\/png/g)).toHaveLength(3);
});

it('an input of the wrong size is refused with both sizes', async () => {
  const file = join(FIXTURES, 'digits-test.npy');
  const { exitCode, stderr } = await runCli(['run', 'm.hemodel', '--input', file], folder);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /INPUT_SHAPE_MISMATCH.*has shape \[500, 1, 28, 28\], input \w+ expects \[1, 1, 28, 28\]/,
  );
});

it('run: a batch in throughput mode, from one array and one picture', async () => {
  const calibration = `npy:${join(FIXTURES, 'digits-calibration.npy')}`;
  const compiled = await json(
    ...[MODEL, '-o', 't.hemodel', '--calibration', calibration, '--samples', '60'],
    ...['--backend', 'cleartext', '--optimize', 'throughput', '--batch', '4'],
  );
  expect(compiled).toMatchObject({ batchSize: 4, inputShape: [4, 1, 28, 28], throughput: { batch: 4 } });
  const array = join(folder, 'two.json');
  const rows = Array.from({ length: 28 }, () => Array<number>(28).fill(0.5));
  await writeFile(array, JSON.stringify([[rows], [rows]]));
  const pictures = (await readdir(join(FIXTURES, 'samples'))).filter((name) => name.endsWith('.png'));
  const picture = join(FIXTURES, 'samples', pictures[0]!);
  const { samples, precisionBits } = (await json(
    ...['run', 't.hemodel', '--input', array, '--input', picture, '--model', MODEL],
  )) as { samples: { data: number[] }[][]; precisionBits: number };
  expect(samples).toHaveLength(3);
  expect(samples[1]![0]!.data).toEqual(samples[0]![0]!.data);
  expect(samples[2]![0]!.data).not.toEqual(samples[0]![0]!.data);
  // Every sample against onnxruntime: nothing is approximated.
  expect(precisionBits).toBeGreaterThan(15);
  const five = Array.from({ length: 5 }, () => ['--input', picture]).flat();
  const refused = await runCli(['run', 't.hemodel', ...five], folder);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('a batch has 4 samples');
});
