/** What is measured: one model with its data, from the command line or from the suite over the fixtures. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../src/errors.ts';

export const BACKENDS = ['seal', 'native'] as const;
export type Backend = (typeof BACKENDS)[number];

export interface BenchCase {
  /** File name of the result, without extension. */
  readonly name: string;
  readonly model: string;
  readonly calibration: string;
  readonly data: string;
  /** Samples evaluated under encryption. */
  readonly limit: number;
  /** node-seal's samples, where it needs too long for as many. */
  readonly sealLimit: number;
  /** Compiled for each of them; one that refuses the model is recorded with its reason. */
  readonly backends: readonly Backend[];
  /** Each backend runs with each number of threads. */
  readonly threads: readonly number[];
  /** Further options of `he-compile compile`. */
  readonly compileOptions: readonly string[];
}

const DIGITS = {
  calibration: 'npy:fixtures/digits-calibration.npy,fixtures/digits-calibration-labels.npy',
  data: 'npy:fixtures/digits-test.npy,fixtures/digits-test-labels.npy',
};

/** What is measured when no model is named: every fixture that fits a secure chain on node-seal. */
export const FIXTURE_SUITE: readonly BenchCase[] = [
  fixture('digits-square', 50),
  fixture('digits-cnn', 20),
  {
    ...fixture('digits-square', 500),
    name: 'digits-square-throughput',
    threads: [1],
    compileOptions: ['--optimize', 'throughput', '--batch', '4096'],
  },
  fixture('segment-square', 20),
];

function fixture(name: string, limit: number): BenchCase {
  return {
    name,
    model: `fixtures/${name}.onnx`,
    ...DIGITS,
    limit,
    sealLimit: limit,
    backends: BACKENDS,
    threads: [1, 2],
    compileOptions: [],
  };
}

export const USAGE =
  'npm run bench -- [--model M.onnx --calibration SPEC --data SPEC [--limit N] [--name NAME]] [--seal-limit N] [--backends seal,native] [--threads 1,2] [-- COMPILE OPTIONS]';

/**
 * One case if a model is named, else the suite; words after a second `--` go to `he-compile compile`.
 * @throws UsageError BENCH_USAGE
 */
export function parseCases(argv: readonly string[]): readonly BenchCase[] {
  const split = argv.indexOf('--');
  const compileOptions = split < 0 ? [] : argv.slice(split + 1);
  const values = parseOptions(split < 0 ? argv : argv.slice(0, split));
  const { model, calibration, data } = values;
  const limit = count('--limit', values.limit);
  const sealLimit = count('--seal-limit', values['seal-limit']);
  const threads = values.threads?.split(',').map((text) => count('--threads', text)!);
  const backends = (values.backends ?? BACKENDS.join()).split(',').map(backend);
  if (model === undefined) {
    if (calibration !== undefined || data !== undefined) throw usage('--calibration and --data need --model');
    const chosen = FIXTURE_SUITE.filter(({ name }) => values.name === undefined || values.name === name);
    if (chosen.length === 0) throw usage(`no case of the suite is called "${values.name}"`);
    return chosen.map((one) => ({
      ...one,
      limit: limit ?? one.limit,
      sealLimit: sealLimit ?? limit ?? one.sealLimit,
      backends,
      threads: threads ?? one.threads,
      compileOptions: [...one.compileOptions, ...compileOptions],
    }));
  }
  if (calibration === undefined || data === undefined) throw usage('--model needs --calibration and --data');
  const name = values.name ?? basename(model).replace(/\.onnx$/i, '');
  if (!/^[\w.-]+$/.test(name)) throw usage(`--name must be a bare file name, not "${name}"`);
  const samples = { limit: limit ?? 20, sealLimit: sealLimit ?? limit ?? 20 };
  const rest = { backends, threads: threads ?? [1, 2], compileOptions };
  return [{ name, model, calibration, data, ...samples, ...rest }];
}

function count(option: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0)
    throw usage(`${option} must be a positive integer, not "${text}"`);
  return value;
}

function backend(text: string): Backend {
  const found = BACKENDS.find((one) => one === text);
  if (found === undefined) throw usage(`--backends takes ${BACKENDS.join(' and ')}, not "${text}"`);
  return found;
}

function parseOptions(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { model: text, calibration: text, data: text, limit: text, name: text };
    const more = { 'seal-limit': text, backends: text, threads: text };
    return parseArgs({ args: [...args], options: { ...options, ...more } }).values;
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
}

function usage(message: string): UsageError {
  return new UsageError('BENCH_USAGE', message, { hint: USAGE });
}
