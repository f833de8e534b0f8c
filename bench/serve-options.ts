/** What `npm run bench:serve` is asked to do. */
import { parseArgs } from 'node:util';
import { UsageError } from '../src/errors.ts';

const USAGE =
  'npm run bench:serve -- [ARTIFACT.hemodel] [--name NAME] [--clients N] [--inferences N] [--threads N] [--evaluations N] [--max-memory-mb N] [--in-flight N] [--workers N]';

export interface ServeBenchOptions {
  /** Null: the fixture digits-square, compiled for the native engine if it is here. */
  readonly artifact: string | null;
  readonly name: string | null;
  readonly clients: number;
  /** Of each client. */
  readonly inferences: number;
  /** Of each client, at once; all of them where it is not said. */
  readonly inFlight: number;
  /** Of one evaluation. */
  readonly threads: number;
  /** Evaluations at the same time. */
  readonly evaluations: number;
  /** Bound of all evaluation processes. */
  readonly maxMemoryMb: number;
  /** Of a cluster with two front ends, PostgreSQL and S3, each with one evaluation at a time; 0: one server by itself. */
  readonly workers: number;
}

/** @throws UsageError BENCH_USAGE */
export function parseServeOptions(argv: readonly string[]): ServeBenchOptions {
  const { values, positionals } = parse(argv);
  if (positionals.length > 1) throw usage('one artifact is measured at a time');
  const { name } = values;
  const inferences = count('--inferences', values.inferences, 5);
  if (name !== undefined && !/^[\w.-]+$/.test(name)) throw usage('--name must be a bare file name');
  return {
    artifact: positionals[0] ?? null,
    name: name ?? null,
    clients: count('--clients', values.clients, 8),
    inferences,
    inFlight: count('--in-flight', values['in-flight'], inferences),
    threads: count('--threads', values.threads, 1),
    evaluations: count('--evaluations', values.evaluations, 2),
    maxMemoryMb: count('--max-memory-mb', values['max-memory-mb'], 8192),
    workers: values.workers === undefined ? 0 : count('--workers', values.workers, 0),
  };
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { name: text, clients: text, inferences: text, threads: text, evaluations: text };
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { ...options, 'max-memory-mb': text, 'in-flight': text, workers: text },
    });
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
}

function count(option: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw usage(`${option} must be a positive integer, not "${text}"`);
}

function usage(message: string): UsageError {
  return new UsageError('BENCH_USAGE', message, { hint: USAGE });
}
