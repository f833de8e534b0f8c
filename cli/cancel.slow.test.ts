/** Ctrl-C and SIGTERM at random moments of compiling five models: gone at once, and nothing half-written. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { Random } from '../src/compiler/random.ts';
import { cancel } from './process/testing/cancel.ts';

const CLI = fileURLToPath(new URL('./testing/start.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fixtures', import.meta.url));
const DIGITS = ['--calibration', `npy:${join(FIXTURES, 'digits-calibration.npy')}`];
const MODELS: readonly (readonly string[])[] = [
  ['digits-cnn', ...DIGITS, '--samples', '400'],
  ['digits-residual', ...DIGITS, '--samples', '200', '--activation', '*=degree:2'],
  ['digits-square', ...DIGITS],
  ['segment-square'],
  ['digits-cnn', ...DIGITS, '--samples', '400', '--backend', 'native', '--precision', '14'],
];
const MOMENTS = 10;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** On a machine that starts and ends an empty process within a tenth of it; a busier one may take longer in proportion. */
const WITHIN_MS = 1000;

/** What the machine now takes for an empty process, from its start to its end. */
async function emptyProcessMs(): Promise<number> {
  const start = performance.now();
  await promisify(execFile)(process.execPath, ['-e', '0']);
  return performance.now() - start;
}

/** Processes that were given the file as an argument; where the system does not tell, none. */
async function processesWith(file: string): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(file));
}

it.each(MODELS.map((args) => ({ args })))('$args', async ({ args: [name, ...options] }) => {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-cancel-'));
  const output = join(folder, 'x.hemodel');
  const args = [join(FIXTURES, `${name}.onnx`), ...options, '-o', output];
  const first = await cancel(CLI, args, 'SIGINT', { after: /import/, delayMs: null });
  expect(first.exitCode).toBe(0);
  // Later ones may be quicker: what they load is at hand.
  let wholeMs = first.aliveMs;
  await rm(output);
  const random = new Random(7);
  const moments = { cancelled: 0, finished: 0 };
  for (let moment = 0; moment < MOMENTS; moment++) {
    const signal = moment % 2 === 0 ? 'SIGINT' : 'SIGTERM';
    const before = await emptyProcessMs();
    const delayMs = random.next() * wholeMs;
    const { exitCode, ms, aliveMs } = await cancel(CLI, args, signal, { after: /import/, delayMs });
    const busy = Math.max(before, await emptyProcessMs());
    expect(await processesWith(output)).toEqual([]);
    // So close to the end, it may have come first.
    const finished = exitCode === 0;
    expect([exitCode, await readdir(folder)]).toEqual(
      finished ? [0, ['x.hemodel']] : [EXIT_CODES[signal], []],
    );
    if (finished) wholeMs = Math.min(wholeMs, aliveMs);
    else expect(ms).toBeLessThan(Math.max(WITHIN_MS, 10 * busy));
    moments[finished ? 'finished' : 'cancelled']++;
    await rm(output, { force: true });
  }
  expect(moments.cancelled).toBeGreaterThan(0);
  await rm(folder, { recursive: true });
});
