/** The score of a mutation report (schema of the Stryker reports, version 2). */
import { wilsonInterval } from '../cli/report/statistics.ts';

export interface MutationReport {
  readonly files: Readonly<Record<string, { readonly mutants: readonly { readonly status: string }[] }>>;
}

export interface Score {
  /** Faults that were planted and could be tried: without those that are ignored or do not compile. */
  readonly mutants: number;
  /** Seen by a test, or by its time limit. */
  readonly seen: number;
  readonly survived: number;
  /** Of `survived`: in code that no test runs. */
  readonly uncovered: number;
  /** Excluded by a comment that gives the reason. */
  readonly ignored: number;
  /** Percent of `mutants`, rounded down to a tenth. */
  readonly score: number;
}

export interface PartScore extends Score {
  /** Where the score is an estimate. */
  readonly sample?: {
    readonly seed: number;
    /** Faults that the sample was drawn from. */
    readonly of: number;
    /** 95 % interval of the score of them all, in percent (Wilson 1927). */
    readonly interval: readonly [number, number];
  };
  readonly files: Readonly<Record<string, Score>>;
}

export function scoreOf(report: MutationReport): PartScore {
  const files = Object.entries(report.files).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const all = files.flatMap(([, { mutants }]) => mutants.map(({ status }) => status));
  return {
    ...scoreStatuses(all),
    files: Object.fromEntries(
      files.map(([file, { mutants }]) => [file, scoreStatuses(mutants.map(({ status }) => status))]),
    ),
  };
}

/** Of a sample: what was not drawn is in the report as `CompileError` (`mutation-sample.ts`). */
export function estimateOf(report: MutationReport, seed: number): PartScore {
  const { files, ...score } = scoreOf(report);
  const all = Object.values(report.files).flatMap(({ mutants }) => mutants);
  const [low, high] = wilsonInterval(score.seen, score.mutants);
  return {
    sample: {
      seed,
      of: all.filter(({ status }) => status !== 'Ignored').length,
      interval: [Math.floor(1000 * low) / 10, Math.ceil(1000 * high) / 10],
    },
    ...score,
    files,
  };
}

function scoreStatuses(statuses: readonly string[]): Score {
  const count = (...names: readonly string[]): number =>
    statuses.filter((status) => names.includes(status)).length;
  const seen = count('Killed', 'Timeout');
  const uncovered = count('NoCoverage');
  const survived = count('Survived') + uncovered;
  const mutants = seen + survived;
  return {
    mutants,
    seen,
    survived,
    uncovered,
    ignored: count('Ignored'),
    score: mutants === 0 ? 100 : Math.floor((1000 * seen) / mutants) / 10,
  };
}
