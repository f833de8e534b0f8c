import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../testing/run-cli.ts';
import { cancel } from './testing/cancel.ts';

const GUARD = fileURLToPath(new URL('./testing/start-guard.ts', import.meta.url));
const BUSY = new URL('./testing/busy.ts', import.meta.url).href;
const CLI = fileURLToPath(new URL('../testing/start.ts', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../../fixtures', import.meta.url));
const MODEL = [
  join(FIXTURES, 'digits-cnn.onnx'),
  ...['--calibration', `npy:${join(FIXTURES, 'digits-calibration.npy')}`, '--samples', '300', '--json'],
];
/** A busy machine takes its time to end a process; `cancel.slow.test.ts` holds the second. */
const SOON_MS = 5000;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-guard-'));
});
afterEach(() => rm(folder, { recursive: true }));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a guarded command', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends by %s though it never looks up', async (signal, code) => {
    const file = join(folder, 'half.tmp');
    const when = { after: /busy/, delayMs: 20 };
    const { exitCode, stdout, ms } = await cancel(GUARD, [BUSY, file], signal, when);
    expect(exitCode).toBe(code);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'CANCELLED' } });
    expect(ms).toBeLessThan(SOON_MS);
    expect(await readdir(folder)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')('ends with its guard, though that is killed', async () => {
    const file = join(folder, 'half.tmp');
    await cancel(GUARD, [BUSY, file], 'SIGKILL', { after: /busy/, delayMs: 20 });
    const pid = Number(await readFile(file, 'utf8'));
    await expect.poll(() => isAlive(pid), { timeout: SOON_MS }).toBe(false);
  });

  it('ends where it takes more memory than it may', async () => {
    const file = join(folder, 'half.tmp');
    const { exitCode, stdout } = await cancel(GUARD, [BUSY, file, String(2 ** 20)], 'SIGINT', {
      after: /never/,
      delayMs: 0,
    });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        code: 'COMPILE_MEMORY_EXCEEDED',
        message: expect.stringMatching(/stage "busy", 1 are/) as string,
      },
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('compile', () => {
  it.each([
    ['SIGINT', 130, /select-degrees/, 200],
    ['SIGTERM', 143, /pack/, 100],
  ] as const)('leaves nothing behind after %s (%d) in %s', async (signal, code, after, delayMs) => {
    const output = join(folder, 'x.hemodel');
    const { exitCode } = await cancel(CLI, [...MODEL, '-o', output], signal, { after, delayMs });
    // So close to the end, it may have come first.
    expect(await readdir(folder)).toEqual(exitCode === 0 ? ['x.hemodel'] : []);
    expect([0, code]).toContain(exitCode);
  });
});

it('says how much memory compiling took, and keeps to a bound', async () => {
  const output = join(folder, 'x.hemodel');
  const { exitCode, stdout } = await runCli([...MODEL, '-o', output, '--max-compile-memory-mb', '20']);
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'COMPILE_MEMORY_EXCEEDED' } });
  expect(await readdir(folder)).toEqual([]);
  const free = await runCli([...MODEL, '-o', output]);
  const { compilePeakBytes } = JSON.parse(free.stdout) as { compilePeakBytes: number };
  expect(compilePeakBytes).toBeGreaterThan(50 * 2 ** 20);
});
