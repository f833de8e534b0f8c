/** The same steps on files, as separate processes, under real encryption; and the demo. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { nativeUnavailable } from '../src/runtime/backends/native/load-addon.ts';
import { runCli } from './testing/run-cli.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runCli([...args, '--json'], folder);
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

it('keygen, encrypt, evaluate and decrypt give what run gives', async () => {
  const model = join(FIXTURES, 'digits-square.onnx');
  const picture = join(FIXTURES, 'samples/3-0.png');
  await json(model, '-o', 'm.hemodel', '--calibration', `npy:${join(FIXTURES, 'digits-calibration.npy')}`);
  await json(
    ...[
      'keygen',
      'm.hemodel',
      '--secret-key',
      's.key',
      '--public-key',
      'p.key',
      '--evaluation-keys',
      'e.key',
    ],
  );
  expect((await stat(join(folder, 's.key'))).mode & 0o777).toBe(0o600);
  await json('encrypt', 'm.hemodel', '--public-key', 'p.key', '--input', picture, '-o', 'in.ct');
  await json('evaluate', 'm.hemodel', '--evaluation-keys', 'e.key', '--input', 'in.ct', '-o', 'out.ct');
  const { output } = (await json('decrypt', 'm.hemodel', '--secret-key', 's.key', '--input', 'out.ct')) as {
    output: { data: number[] };
  };
  const { reference, precisionBits } = (await json(
    'run',
    'm.hemodel',
    '--input',
    picture,
    '--model',
    model,
  )) as {
    reference: { data: number[] };
    precisionBits: number;
  };
  expect(precisionBits).toBeGreaterThan(10);
  const range = Math.max(...reference.data.map(Math.abs));
  for (const [i, value] of output.data.entries())
    expect(Math.abs(value - reference.data[i]!) / range).toBeLessThan(2 ** -10);

  const refusals: readonly [code: string, ...args: string[]][] = [
    ['SECRET_KEY_REFUSED', 'evaluate', '--evaluation-keys', 's.key', '--input', 'in.ct'],
    ['SECRET_KEY_REFUSED', 'encrypt', '--public-key', 's.key', '--input', picture],
    ['CONTAINER_KIND', 'encrypt', '--public-key', 'e.key', '--input', picture],
  ];
  for (const [code, command, ...args] of refusals) {
    const refused = await runCli([command!, 'm.hemodel', ...args, '-o', 'no.ct', '--json'], folder);
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({ error: { code } });
  }
  expect(await readdir(folder)).not.toContain('no.ct');
});

it.each([
  [
    'the native engine, where it is built',
    '',
    nativeUnavailable() === null ? 'the native engine' : 'node-seal',
  ],
  ['node-seal, where the engine is hidden', 'off', 'node-seal'],
])('the demo uses %s, says so, agrees with onnxruntime and writes its report', async (_, hidden, backend) => {
  const { exitCode, stdout, stderr } = await runCli(['demo'], folder, { HE_COMPILE_NATIVE: hidden });
  expect(exitCode).toBe(0);
  expect(stdout).toContain(`Compiled digits-cnn.onnx for ${backend}`);
  expect(stdout).toContain(`Evaluated the network on ciphertexts with ${backend}`);
  if (hidden === 'off') expect(stdout + stderr).toContain('HE_COMPILE_NATIVE=off');
  expect(stdout.match(/encrypted says (\d), onnxruntime says \1/g)).toHaveLength(5);
  expect(await readFile(join(folder, 'demo-report.html'), 'utf8')).toContain('Encrypted samples');
});
