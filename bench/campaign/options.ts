/** What `npm run bench:campaign` is asked to do. */
import { parseArgs } from 'node:util';
import { UsageError } from '../../src/errors.ts';

const USAGE =
  'npm run bench:campaign -- [--requests N] [--seconds N] [--connections N] [--threads N] [--nice N] [--only strangers|clients] [--by-kind] [--kinds A,B] [--output FILE]';

export interface CampaignOptions {
  /** Hostile ones of each phase, at least. */
  readonly requests: number;
  /** Of each phase, at least. */
  readonly seconds: number;
  /** Of the attacker, at a time. */
  readonly connections: number;
  /** Of the attacker's process: its own appetite for processors is not the server's fault. */
  readonly nice: number;
  /** Of one evaluation. */
  readonly threads: number;
  /** The phases without a token, or the one with; null: all. */
  readonly only: 'strangers' | 'clients' | null;
  /** Each kind of request in a phase of its own, to see which of them costs. */
  readonly byKind: boolean;
  /** Of requests; null: all. */
  readonly kinds: readonly string[] | null;
  /** Null: `results/campaign.json`, or `results/campaign-ONLY.json`. */
  readonly output: string | null;
}

/** @throws UsageError BENCH_USAGE */
export function parseCampaignOptions(argv: readonly string[]): CampaignOptions {
  const values = parse(argv);
  const count = (
    name: 'requests' | 'seconds' | 'connections' | 'threads' | 'nice',
    otherwise: number,
  ): number => {
    const value = values[name] === undefined ? otherwise : Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw usage(`--${name} must be a positive integer`);
  };
  return {
    requests: count('requests', 10_000),
    seconds: count('seconds', 30),
    connections: count('connections', 20),
    threads: count('threads', 2),
    nice: count('nice', 19),
    only: onlyOf(values.only),
    byKind: values['by-kind'] ?? false,
    kinds: values.kinds?.split(',') ?? null,
    output: values.output ?? null,
  };
}

function onlyOf(text: string | undefined): CampaignOptions['only'] {
  if (text === undefined || text === 'strangers' || text === 'clients') return text ?? null;
  throw usage('--only must be strangers or clients');
}

function parse(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...argv],
      options: {
        ...{
          requests: text,
          seconds: text,
          connections: text,
          threads: text,
          nice: text,
          kinds: text,
          only: text,
          output: text,
        },
        'by-kind': { type: 'boolean' },
      },
    }).values;
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
}

function usage(message: string): UsageError {
  return new UsageError('BENCH_USAGE', message, { hint: USAGE });
}
