/**
 * Mutation tests (StrykerJS): how many planted faults the tests see, per part of the sources that guards others.
 *   node scripts/mutation.ts [PART…] [--sample N [--seed S]] [--concurrency N]     without parts: all of them, one after another
 * Each part is run for itself and its score written to bench/results/mutation.json before the next begins, so that a run that
 * was ended goes on with the parts that are missing. Ends with "N passed, N failed": parts.
 *
 * `--sample N` plants N of the faults of each part, drawn at random by the seed S (1 where none is given): hours become minutes,
 * and the score an estimate, which is written with its 95 % interval, the number of faults that it stands for, and the seed. Who
 * adds tests for faults that a sample showed measures with another seed: of its own sample the score is too good.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Sample } from './mutation-sample.ts';
import { estimateOf, type MutationReport, type PartScore, scoreOf } from './mutation-score.ts';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(ROOT, 'bench/results/mutation.json');
const WORK = '.stryker';

interface Part {
  /** Percent of the faults that must be seen. */
  readonly least: number;
  readonly mutate: readonly string[];
  /** Those that are asked, the neighbours of the sources; others may see more faults, so that the score is a lower bound. */
  readonly tests: readonly string[];
}

const PARTS: Readonly<Record<string, Part>> = {
  security: {
    least: 85,
    mutate: ['src/program/security.ts', 'src/program/security-tables.ts'],
    tests: ['src/program/security{,-tables}.test.ts'],
  },
  authentication: {
    least: 85,
    mutate: ['src/server/hosting/authentication.ts'],
    tests: ['src/server/hosting/{authentication,enrolment}.test.ts'],
  },
  staging: {
    least: 85,
    mutate: ['src/server/hosting/staging.ts'],
    tests: ['src/server/hosting/staging.test.ts'],
  },
  signing: {
    least: 85,
    mutate: ['src/server/protocol/signing.ts'],
    tests: ['src/server/protocol/*.test.ts'],
  },
  passes: {
    least: 70,
    mutate: [
      'src/compiler/passes/{manage-scales,select-parameters,chain-demand}.ts',
      'src/compiler/targets/{seal-chains,clear-parameters}.ts',
    ],
    tests: ['src/compiler/passes/{manage-scales,chain-demand}.test.ts'],
  },
  vault: { least: 70, mutate: ['src/server/vault/**/*.ts'], tests: ['src/server/vault/*.test.ts'] },
  program: {
    least: 70,
    mutate: ['src/program/**/*.ts', '!src/program/security*.ts'],
    tests: ['src/program/**/*.test.ts'],
  },
  protocol: {
    least: 70,
    mutate: ['src/server/protocol/**/*.ts', '!src/server/protocol/signing.ts'],
    tests: ['src/server/protocol/*.test.ts'],
  },
  inference: {
    least: 70,
    mutate: [
      'src/server/inference/**/*.ts',
      'src/server/hosting/*.ts',
      '!src/server/hosting/{authentication,staging}.ts',
      'src/server/transport/{admission,rate-limiter}.ts',
    ],
    // Without those that start a whole server and evaluate on it: a minute for each fault.
    tests: [
      'src/server/hosting/*.test.ts',
      'src/server/inference/{key-provisioning,model-catalog}.test.ts',
      'src/server/inference/{session-expiry,session-outcome,sessions}.test.ts',
      'src/server/inference/inference-server-{doors,life}.test.ts',
      'src/server/transport/{admission,rate-limiter}.test.ts',
      'src/server/inference/{evaluation,tools,work}/*.test.ts',
    ],
  },
};
const NEVER = ['!src/**/*.test.ts', '!src/**/testing/**'];

interface Results {
  readonly command: string;
  readonly parts: Record<string, PartScore & { readonly least: number }>;
}

function run(part: string, concurrency: number, sample: Sample | null): PartScore {
  const report = `${WORK}/${part}.report.json`;
  const configuration = {
    testRunner: 'vitest',
    vitest: { configFile: 'vitest.mutation.config.ts', related: false },
    plugins: ['@stryker-mutator/vitest-runner', './scripts/mutation-sample.ts'],
    checkers: sample === null ? [] : ['sample'],
    coverageAnalysis: 'perTest',
    ignoreStatic: false,
    // Not incremental: faults in what a module computes once would keep their old verdict when tests are added.
    incremental: false,
    jsonReporter: { fileName: report },
    reporters: ['json', 'clear-text', 'progress-append-only'],
    clearTextReporter: { allowColor: false, logTests: false },
    concurrency,
    timeoutMS: 60_000,
    tempDirName: `${WORK}/sandbox`,
    ignorePatterns: ['bench/results', 'docs', 'dist'],
    disableTypeChecks: false,
    allowConsoleColors: false,
    mutate: [...PARTS[part]!.mutate, ...NEVER],
  };
  mkdirSync(join(ROOT, WORK), { recursive: true });
  const file = join(ROOT, WORK, `${part}.config.json`);
  writeFileSync(file, JSON.stringify(configuration));
  const stryker = join(ROOT, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  const { status } = spawnSync(process.execPath, [stryker, 'run', file], {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      MUTATION_TESTS: JSON.stringify(PARTS[part]!.tests),
      MUTATION_SAMPLE: JSON.stringify(sample),
    },
  });
  if (status !== 0) throw new Error(`the mutation run of ${part} ended with ${status}`);
  const outcome = JSON.parse(readFileSync(join(ROOT, report), 'utf8')) as MutationReport;
  return sample === null ? scoreOf(outcome) : estimateOf(outcome, sample.seed);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: '1' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const concurrency = Number(values.concurrency);
const sample =
  values.sample === undefined ? null : { size: Number(values.sample), seed: Number(values.seed) };
const wanted = positionals.length === 0 ? Object.keys(PARTS) : positionals;
const unknown = wanted.filter((part) => !Object.hasOwn(PARTS, part));
const numbers = [concurrency, ...(sample === null ? [] : [sample.size, sample.seed])];
if (unknown.length > 0 || !numbers.every((number) => Number.isInteger(number) && number >= 1)) {
  console.error(
    `parts are ${Object.keys(PARTS).join(', ')}; --concurrency, --sample and --seed take numbers from 1`,
  );
  process.exit(2);
}
const failed: string[] = [];
for (const part of wanted) {
  const { least } = PARTS[part]!;
  const score = run(part, concurrency, sample);
  const before: Results = existsSync(RESULTS)
    ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Results)
    : { command: 'npm run test:mutation', parts: {} };
  const parts = { ...before.parts, [part]: { least, ...score } };
  writeFileSync(RESULTS, `${JSON.stringify({ ...before, parts }, null, 2)}\n`);
  console.log(
    `${part}: ${score.score} % of ${score.mutants} faults are seen, at least ${least} % are wanted`,
  );
  if (score.score < least) failed.push(part);
}
if (failed.length > 0) console.log(`below their bound: ${failed.join(', ')}`);
console.log(`${wanted.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
