/** The bound on what approximation may cost, in one sentence. */
import type { BoundReport } from '../../src/program/artifact.ts';

export function boundText({ measure, estimate, lower, upper, limit, shown }: BoundReport): string {
  const [what, unit] = {
    accuracy: ['accuracy drops by', ' points'],
    agreement: ['the class changes for', ' % of the inputs'],
    decisions: ['decisions change at', ' % of the positions that are more than background'],
    'output-error': ['outputs are off by', ' % of their standard deviation'],
  }[measure];
  const number = (value: number | null): string => (value === null ? '∞' : value.toFixed(2));
  return (
    `${what} ${number(estimate)}${unit} (95 % interval ${number(lower)} to ${number(upper)}), ` +
    `${limit === null ? 'unlimited' : `at most ${String(limit)} allowed`}: ${shown ? 'shown by held-out inputs' : 'not shown'}`
  );
}
