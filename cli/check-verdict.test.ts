import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Verdict } from './report/verdict.ts';
import { runHere } from './testing/run-cli.ts';

async function check(...flags: string[]): Promise<{ verdict: Verdict; exitCode: number }> {
  const args = ['check', 'fixtures/digits-cnn.onnx', '--calibration', 'npy:fixtures/digits-calibration.npy'];
  const { exitCode, stdout } = await runHere([...args, ...flags, '--json']);
  return { verdict: (JSON.parse(stdout) as { verdict: Verdict }).verdict, exitCode: exitCode ?? -1 };
}

describe('check of a model', () => {
  it('says for each backend and degree what a program takes', async () => {
    const { verdict, exitCode } = await check();
    expect(exitCode).toBe(0);
    expect(verdict.backends.map(({ backend, fits }) => [backend, fits])).toEqual([
      ['native', true],
      ['seal', true],
    ]);
    for (const { degrees } of verdict.backends) {
      expect(degrees.map(({ degree }) => degree)).toEqual([2, 4, 8, 16]);
      for (const [index, { depth, fits, aboutMs, aboutKeyBytes, aboutMemoryBytes }] of degrees.entries()) {
        if (index > 0) expect(depth).toBeGreaterThan(degrees[index - 1]!.depth);
        if (!fits) continue;
        expect(aboutMs).toBeGreaterThan(1);
        expect(aboutMemoryBytes).toBeGreaterThan(aboutKeyBytes!);
        if (index > 0) expect(aboutMs).toBeGreaterThan(degrees[index - 1]!.aboutMs!);
      }
    }
  });

  it('marks what does not fit, and says why', async () => {
    const { verdict } = await check('--precision', '40');
    const seal = verdict.backends.find(({ backend }) => backend === 'seal')!;
    expect(seal.fits).toBe(false);
    expect(seal.degrees[0]).toMatchObject({ fits: false, polyModulusDegree: null, aboutMs: null });
    expect(seal.degrees[0]!.obstacle).toMatch(/needs \d+ levels/);
  });

  it('holds memory against what is allowed', async () => {
    const { verdict } = await check('--max-memory-mb', '450');
    for (const { degrees } of verdict.backends) {
      expect(degrees.at(-1)!.obstacle).toMatch(/needs about \d+ MiB .*, \d+ MiB are/);
    }
  });

  it('prepares pixels as compiling does', async () => {
    const { stdout } = await runHere([
      ...['check', 'fixtures/digits-cnn.onnx', '--calibration', 'images:fixtures/samples'],
      ...['--mean', '0.1,0.2', '--json'],
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'PREPROCESSING_INVALID' } });
  });

  it.each(['native', 'seal'])(
    'is within a factor of two of what compiling for %s forecasts',
    async (name) => {
      const folder = await mkdtemp(join(tmpdir(), 'he-compile-check-'));
      const model = 'fixtures/digits-square.onnx';
      const checked = JSON.parse((await runHere(['check', model, '--json'])).stdout) as { verdict: Verdict };
      const about = checked.verdict.backends.find(({ backend }) => backend === name)!.degrees[0]!;
      const output = join(folder, 'x.hemodel');
      const { stdout } = await runHere([model, '--backend', name, '-o', output, '--json']);
      const { predicted } = JSON.parse(stdout) as { predicted: Record<string, number> };
      for (const [foreseen, forecast] of [
        [about.aboutMs, predicted['latencyMs']],
        [about.aboutKeyBytes, predicted['keyBytes']],
        [about.aboutMemoryBytes, predicted['memoryBytes']],
      ]) {
        expect(Math.abs(Math.log2(foreseen! / forecast!))).toBeLessThan(1);
      }
      await rm(folder, { recursive: true });
    },
  );
});
