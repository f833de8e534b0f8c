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
});
