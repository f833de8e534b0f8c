/**
 * `npm run agreement`: how often a compiled model says the same as the model it was compiled from, in the clear. The program itself
 * runs on the cleartext backend, sample by sample (`--limit` of them, else all); the polynomial model, which computes the same,
 * runs in onnxruntime over the whole data set. Nothing is encrypted, so any depth will do.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchReport } from '../cli/report/bench-report.ts';
import type { ProgramReport } from '../cli/report/program-report.ts';
import { collectVersions, describeMachine } from '../cli/versions.ts';
import { HeError } from '../src/errors.ts';
import type { BenchCase } from './case.ts';
import { parseCases } from './case.ts';
import { describeCommit } from './commit.ts';
import { measureCommand } from './measure.ts';

const RESULTS = join(import.meta.dirname, 'results');
/** Samples where no `--limit` is given: the program is quick enough in the clear for that many. */
const DEFAULT_LIMIT = '1000';

async function measureAgreement(one: BenchCase): Promise<object> {
  const createdAt = new Date().toISOString();
  const before = loadavg()[0]!;
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-agreement-'));
  try {
    const file = join(folder, 'model.hemodel');
    const compileArguments = [
      ...['compile', one.model, '--backend', 'cleartext', '--calibration', one.calibration],
      ...one.compileOptions,
    ];
    const compile = await measureCommand(...compileArguments, '-o', file);
    const compiled = compile.document as ProgramReport;
    const benchArguments = [
      ...['--model', one.model, '--data', one.data, '--backend', 'cleartext'],
      ...['--limit', String(one.limit), '--threads', String(one.threads[0] ?? 1)],
    ];
    const bench = await measureCommand('bench', file, ...benchArguments);
    const report = bench.document as BenchReport;
    const model = await readFile(one.model);
    return {
      schema: 2,
      name: one.name,
      createdAt,
      commit: await describeCommit(),
      commands: [
        `he-compile ${compileArguments.join(' ')} -o ${one.name}.hemodel`,
        `he-compile bench ${one.name}.hemodel ${benchArguments.join(' ')}`,
      ],
      machine: describeMachine(),
      load: { before, after: loadavg()[0]! },
      versions: await collectVersions(),
      model: {
        file: one.model,
        bytes: model.length,
        sha256: createHash('sha256').update(model).digest('hex'),
      },
      calibration: one.calibration,
      data: one.data,
      compile: {
        wallMs: compile.wallMs,
        peakMemoryBytes: compile.peakMemoryBytes,
        depth: compiled.depth,
        operations: compiled.operations,
        activations: kindsOf(compiled),
        warnings: compiled.warnings,
      },
      program: {
        evaluatedBy: 'cleartext backend',
        samples: report.n,
        agreeing: report.agreement === null ? null : Math.round(report.agreement * report.n),
        agreement: report.agreement,
        accuracy: report.encryptedAccuracy,
        precisionBits: report.precisionBits,
        againstPolynomialModel: report.errors.encryption.precisionBits,
        latencyMs: report.latencyMs,
        threads: report.threads,
        peakMemoryBytes: bench.peakMemoryBytes,
        wallMs: bench.wallMs,
      },
      onnxruntime: {
        samples: report.plaintextSamples,
        plaintextAccuracy: report.plaintextAccuracy,
        polynomialAccuracy: report.polynomialAccuracy,
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Activations by what they became, each kind once. */
function kindsOf({ approximations }: ProgramReport): object[] {
  const kinds = new Map<
    string,
    { activation: string; method: string; degree: number; depth: number; count: number }
  >();
  for (const { activation, method, degree, depth } of approximations) {
    const key = [activation, method, degree, depth].join();
    kinds.set(key, { activation, method, degree, depth, count: (kinds.get(key)?.count ?? 0) + 1 });
  }
  return [...kinds.values()];
}

/** The cases of `npm run bench`, with more samples and one thread unless told otherwise. */
function casesOf(argv: readonly string[]): readonly BenchCase[] {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const { limit, threads } = parseArgs({
    args: [...own],
    strict: false,
    options: { limit: { type: 'string' }, threads: { type: 'string' } },
  }).values;
  const defaults = [
    ...(limit === undefined ? ['--limit', DEFAULT_LIMIT] : []),
    ...(threads === undefined ? ['--threads', '1'] : []),
  ];
  return parseCases([...defaults, ...argv]);
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await mkdir(RESULTS, { recursive: true });
    for (const one of casesOf(argv)) {
      const result = await measureAgreement(one);
      await writeFile(join(RESULTS, `agreement-${one.name}.json`), `${JSON.stringify(result, null, 2)}\n`);
      console.log(JSON.stringify(result, null, 2));
    }
    return 0;
  } catch (error) {
    if (!(error instanceof HeError)) throw error;
    console.error(`error ${error.code}: ${error.message}`);
    return error.exitCode;
  }
}

process.exitCode = await main(process.argv.slice(2));
