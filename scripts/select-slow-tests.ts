/** Which slow tests fit a time budget. */

/** What a CI run spends on them at most. */
export const BUDGET_SECONDS = 25 * 60;
/** What a test is taken to need that nobody has measured yet. */
export const UNMEASURED_SECONDS = 5 * 60;

export interface SlowTest {
  readonly file: string;
  /** Measured; null if nobody has. */
  readonly seconds: number | null;
}

/** The shortest first, as many as fit: so most tests run, and a long one never keeps others out. */
export function selectSlowTests(
  files: readonly string[],
  measured: Readonly<Record<string, number>>,
  budget: number = BUDGET_SECONDS,
): SlowTest[] {
  const tests = files
    .map((file): SlowTest => ({ file, seconds: measured[file] ?? null }))
    .toSorted((a, b) => timeOf(a) - timeOf(b) || (a.file < b.file ? -1 : 1));
  const selected: SlowTest[] = [];
  let total = 0;
  for (const test of tests) {
    total += timeOf(test);
    if (total > budget) break;
    selected.push(test);
  }
  return selected;
}

function timeOf({ seconds }: SlowTest): number {
  return seconds ?? UNMEASURED_SECONDS;
}
