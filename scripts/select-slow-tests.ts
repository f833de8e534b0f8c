/** Which slow tests fit a time budget. */

/** What a CI run spends on them at most. */
export const BUDGET_SECONDS = 25 * 60;

export interface SlowTest {
  readonly file: string;
  readonly seconds: number;
}

/**
 * The shortest first, as many as fit: so most tests run, and a long one never keeps others out. What nobody has measured is not
 * among them: how long a run takes must be known before it begins.
 */
export function selectSlowTests(
  files: readonly string[],
  measured: Readonly<Record<string, number>>,
  budget: number = BUDGET_SECONDS,
): SlowTest[] {
  const tests = files
    .flatMap((file): SlowTest[] => (measured[file] === undefined ? [] : [{ file, seconds: measured[file] }]))
    .toSorted((a, b) => a.seconds - b.seconds || (a.file < b.file ? -1 : 1));
  const selected: SlowTest[] = [];
  let total = 0;
  for (const test of tests) {
    total += test.seconds;
    if (total > budget) break;
    selected.push(test);
  }
  return selected;
}
