/**
 * The slow tests that a CI run has time for: the shortest by their measured durations, as many as fit the budget.
 *   node scripts/ci-slow.ts [vitest options]    runs them
 *   node scripts/ci-slow.ts --list              names them, with their seconds
 *   node scripts/ci-slow.ts --measure [FILE…]   runs these (all, if none is named) and writes their durations; for a machine
 *                                               without other work
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { BUDGET_SECONDS, selectSlowTests } from './select-slow-tests.ts';

const ROOT = join(import.meta.dirname, '..');
const DURATIONS = join(ROOT, 'bench/results/slow-tests.json');
const FOLDERS = ['src', 'cli', 'test', 'fixtures', 'bench', 'conformance'];

interface Durations {
  readonly command: string;
  readonly seconds: Readonly<Record<string, number>>;
}

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly startTime: number;
    readonly endTime: number;
  }[];
}

function slowTests(): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.slow.test.ts'))
      .map((file) => `${folder}/${file.replaceAll('\\', '/')}`),
  );
}

/** @param limitSeconds after which the run is ended, as failed */
function vitest(files: readonly string[], options: readonly string[], limitSeconds?: number): number {
  const entry = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const run = spawnSync(process.execPath, [entry, 'run', '--project', 'slow', ...files, ...options], {
    cwd: ROOT,
    stdio: 'inherit',
    ...(limitSeconds === undefined ? {} : { timeout: 1000 * limitSeconds }),
  });
  return run.status ?? 1;
}

function measured(): Durations['seconds'] {
  return (JSON.parse(readFileSync(DURATIONS, 'utf8')) as Durations).seconds;
}

function measure(files: readonly string[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'he-compile-slow-'));
  try {
    const file = join(folder, 'report.json');
    const status = vitest(files, ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]);
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    const seconds = report.testResults.map(
      ({ name, startTime, endTime }) =>
        [relative(ROOT, name), Math.ceil((endTime - startTime) / 1000)] as const,
    );
    // What was not run now keeps what it had, as long as it exists.
    const known = Object.entries(measured()).filter(([file]) => slowTests().includes(file));
    const merged = Object.entries({ ...Object.fromEntries(known), ...Object.fromEntries(seconds) });
    const durations: Durations = {
      command: 'node scripts/ci-slow.ts --measure',
      seconds: Object.fromEntries(merged.toSorted(([left], [right]) => (left < right ? -1 : 1))),
    };
    writeFileSync(DURATIONS, `${JSON.stringify(durations, null, 2)}\n`);
    return status;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [mode = '', ...rest] = process.argv.slice(2);
if (mode === '--measure') process.exitCode = measure(rest);
else {
  const all = slowTests();
  const selected = selectSlowTests(all, measured());
  for (const { file, seconds } of selected) console.log(`${file}: ${seconds} s`);
  const left = all.filter((file) => !selected.some((test) => test.file === file));
  for (const file of left)
    console.log(`${file}: not run (${measured()[file] === undefined ? 'not measured' : 'too long'})`);
  if (mode !== '--list' && selected.length > 0) {
    const files = selected.map(({ file }) => file);
    process.exitCode = vitest(files, mode === '' ? rest : [mode, ...rest], 1.5 * BUDGET_SECONDS);
  }
}
