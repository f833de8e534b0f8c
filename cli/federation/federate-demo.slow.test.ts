/** `he-compile federate demo` as its users run it: both federations, the drop-outs, the checked sums, the encrypted digit, the page; and Ctrl-C. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cancel } from '../process/testing/cancel.ts';
import type { FederationReport } from '../report/federation-report.ts';
import { runCli } from '../testing/run-cli.ts';

const CLI = fileURLToPath(new URL('../testing/start.ts', import.meta.url));
const TEMPORARY = 'he-compile-federation-';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-demo-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('learns under masks, says what noise costs, and ends with an encrypted inference', async () => {
  const { exitCode, stdout, stderr } = await runCli(
    ['federate', 'demo', '--seed', '1', '--report', 'demo.html', '--json'],
    folder,
    { TMPDIR: folder },
  );
  expect(exitCode, stderr).toBe(0);
  const { plain, noised, encrypted } = JSON.parse(stdout) as FederationReport;
  expect(plain.initialAccuracy).toBeLessThan(0.3);
  expect(plain.rounds.at(-1)!.accuracy).toBeGreaterThan(0.8);
  for (const { rounds } of [plain, noised]) {
    expect(rounds.map(({ dropouts }) => dropouts.length)).toEqual([0, 2, 0, 0]);
    for (const { sum } of rounds) {
      expect(sum.wrong).toBe(0);
      expect(sum.untold).toBeLessThan(0.05 * sum.weights);
    }
  }
  expect(plain.rounds.every(({ epsilon }) => epsilon === null)).toBe(true);
  const spent = noised.rounds.map(({ epsilon }) => epsilon!.most);
  expect(spent).toEqual(spent.toSorted((a, b) => a - b));
  expect(spent.at(-1)).toBeGreaterThan(3.96);
  expect(spent.at(-1)).toBeLessThanOrEqual(4);
  expect(encrypted.encryptedClass).toBe(encrypted.plaintextClass);
  expect(encrypted.maxAbsError).toBeLessThan(0.01);
  expect(await readFile(join(folder, 'demo.html'), 'utf8')).toContain('Who saw what');
  expect(await readdir(folder)).toEqual(['demo.html']);
});

it('can be cancelled, and leaves nothing behind', async () => {
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith(TEMPORARY));
  const { exitCode } = await cancel(CLI, ['federate', 'demo'], 'SIGINT', {
    after: /round 1/,
    delayMs: 500,
  });
  expect(exitCode).toBe(130);
  const left = (await readdir(tmpdir())).filter((name) => name.startsWith(TEMPORARY));
  expect(left.filter((name) => !before.includes(name))).toEqual([]);
});
