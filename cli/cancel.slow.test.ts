/** Ctrl-C and SIGTERM at ten random moments of compiling five models: gone within a second, nothing half-written. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Random } from '../src/compiler/random.ts';
import { cancel } from './process/testing/cancel.ts';
import { runCli } from './testing/run-cli.ts';

const CLI = fileURLToPath(new URL('./testing/start.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));
const DIGITS = ['--calibration', `npy:${join(FIXTURES, 'digits-calibration.npy')}`];
const MODELS: readonly (readonly string[])[] = [
  ['digits-cnn', ...DIGITS],
  ['digits-residual', ...DIGITS],
  ['digits-square', ...DIGITS],
  ['segment-square'],
  ['digits-cnn', ...DIGITS, '--backend', 'native', '--precision', '14'],
];
const MOMENTS = 10;
const WITHIN_MS = 1000;

it.each(MODELS.map((args) => ({ args })))('$args', async ({ args: [name, ...options] }) => {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-cancel-'));
  const output = join(folder, 'x.hemodel');
  const args = [join(FIXTURES, `${name}.onnx`), ...options, '-o', output];
  const start = performance.now();
  expect((await runCli(args)).exitCode).toBe(0);
  const whole = performance.now() - start;
  await rm(output);
  const random = new Random(7);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    for (let moment = 0; moment < MOMENTS; moment++) {
      const delayMs = random.next() * whole;
      const { exitCode, ms } = await cancel(CLI, args, signal, { after: /import/, delayMs });
      expect(ms).toBeLessThan(WITHIN_MS);
      expect([exitCode, await readdir(folder)]).toEqual(exitCode === 0 ? [0, ['x.hemodel']] : [130, []]);
      await rm(output, { force: true });
    }
  }
  await rm(folder, { recursive: true });
});
