/** What is measured: one model with its data, from the command line or from the suite over the fixtures. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../src/errors.ts';

export interface BenchCase {
  /** File name of the result, without extension. */
  readonly name: string;
  readonly model: string;
  readonly calibration: string;
  readonly data: string;
  /** Samples evaluated under encryption. */
  readonly limit: number;
  /** Further options of `he-compile compile`. */
  readonly compileOptions: readonly string[];
}

const DIGITS = {
  calibration: 'npy:fixtures/digits-calibration.npy,fixtures/digits-calibration-labels.npy',
  data: 'npy:fixtures/digits-test.npy,fixtures/digits-test-labels.npy',
};

/** What is measured when no model is named: every fixture that fits a secure chain on node-seal. */
export const FIXTURE_SUITE: readonly BenchCase[] = [
  { name: 'digits-square', model: 'fixtures/digits-square.onnx', ...DIGITS, limit: 50, compileOptions: [] },
  { name: 'digits-cnn', model: 'fixtures/digits-cnn.onnx', ...DIGITS, limit: 20, compileOptions: [] },
  { name: 'segment-square', model: 'fixtures/segment-square.onnx', ...DIGITS, limit: 20, compileOptions: [] },
];

export const USAGE =
  'npm run bench -- [--model M.onnx --calibration SPEC --data SPEC [--limit N] [--name NAME]] [-- COMPILE OPTIONS]';

/**
 * One case if a model is named, else the suite; words after a second `--` go to `he-compile compile`.
 * @throws UsageError BENCH_USAGE
 */
export function parseCases(argv: readonly string[]): readonly BenchCase[] {
  const split = argv.indexOf('--');
  const compileOptions = split < 0 ? [] : argv.slice(split + 1);
  const values = parseOptions(split < 0 ? argv : argv.slice(0, split));
  const { model, calibration, data } = values;
  const limit = values.limit === undefined ? null : Number(values.limit);
  if (limit !== null && !(Number.isInteger(limit) && limit > 0)) {
    throw usage(`--limit must be a positive integer, not "${values.limit}"`);
  }
  if (model === undefined) {
    if (calibration !== undefined || data !== undefined) throw usage('--calibration and --data need --model');
    const chosen = FIXTURE_SUITE.filter(({ name }) => values.name === undefined || values.name === name);
    if (chosen.length === 0) throw usage(`no case of the suite is called "${values.name}"`);
    return chosen.map((one) => ({ ...one, limit: limit ?? one.limit, compileOptions }));
  }
  if (calibration === undefined || data === undefined) throw usage('--model needs --calibration and --data');
  const name = values.name ?? basename(model).replace(/\.onnx$/i, '');
  if (!/^[\w.-]+$/.test(name)) throw usage(`--name must be a bare file name, not "${name}"`);
  return [{ name, model, calibration, data, limit: limit ?? 20, compileOptions }];
}

function parseOptions(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { model: text, calibration: text, data: text, limit: text, name: text };
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
}

function usage(message: string): UsageError {
  return new UsageError('BENCH_USAGE', message, { hint: USAGE });
}
