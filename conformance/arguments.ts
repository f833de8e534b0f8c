/** What `npm run conformance` is asked to do. */
import { parseArgs } from 'node:util';
import { UsageError } from '../src/errors.ts';
import type { ConformanceBackend } from './outcome.ts';
import { BACKENDS } from './outcome.ts';

export interface ConformanceArguments {
  readonly directory: string;
  readonly backend: ConformanceBackend;
  readonly match: RegExp;
  readonly json: string | null;
  readonly markdown: string | null;
  readonly processes: number;
  readonly timeoutMs: number;
}

export const USAGE =
  'npm run conformance -- DIR --backend cleartext|seal|native [--match RE] [--json FILE] [--md FILE] [--processes N] [--timeout SECONDS]';

/** More at once would take more memory and cores than small machines have. */
const MAX_PROCESSES = 2;

/** @throws UsageError CONFORMANCE_USAGE */
export function parseArguments(argv: readonly string[]): ConformanceArguments {
  const { values, positionals } = parse(argv);
  const [directory, ...others] = positionals;
  if (directory === undefined || others.length > 0) throw usage('one folder of ONNX node tests is expected');
  const { backend = 'cleartext' } = values;
  if (!isBackend(backend)) throw usage(`--backend must be one of ${BACKENDS.join(', ')}, not "${backend}"`);
  const processes = Number(values.processes ?? (backend === 'cleartext' ? 2 : 1));
  if (!Number.isInteger(processes) || processes < 1 || processes > MAX_PROCESSES)
    throw usage(`--processes must be 1 or ${MAX_PROCESSES}`);
  const timeout = Number(values.timeout ?? 300);
  if (!(timeout > 0)) throw usage('--timeout must be a number of seconds');
  return {
    directory,
    backend,
    match: pattern(values.match ?? ''),
    json: values.json ?? null,
    markdown: values.md ?? null,
    processes,
    timeoutMs: 1000 * timeout,
  };
}

const isBackend = (name: string): name is ConformanceBackend =>
  (BACKENDS as readonly string[]).includes(name);

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { backend: text, match: text, json: text, md: text, processes: text, timeout: text };
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
}

function pattern(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch {
    throw usage(`--match "${source}" is no regular expression`);
  }
}

function usage(message: string): UsageError {
  return new UsageError('CONFORMANCE_USAGE', message, { hint: USAGE });
}
