/** Holds answers of two encryptions of the same inputs together. */
import { expect } from 'vitest';
import type { Signature } from '../../program/signature.ts';
import type { Classification } from './agent-path.ts';

/**
 * Same classes, and outputs that differ by no more than the signature declares: each encryption is off by bound · 2^−bits at
 * most, and each result is rounded to a multiple of a step. Exact schemes: the same numbers.
 */
export function expectSameAnswers(
  { bound, precisionBits, quantisation }: Signature['outputs'][number],
  answers: readonly Classification[],
  expected: readonly (readonly number[])[],
): void {
  const step = 2 ** Math.floor(Math.log2(bound) + 1 - precisionBits);
  const tolerance = quantisation === undefined ? 2 * bound * 2 ** -precisionBits + step : 0;
  expect(answers).toHaveLength(expected.length);
  for (const [i, { logits, winner }] of answers.entries()) {
    expect(winner).toBe(expected[i]!.indexOf(Math.max(...expected[i]!)));
    expect(logits).toHaveLength(expected[i]!.length);
    expect(maxDifference(logits, expected[i]!)).toBeLessThanOrEqual(tolerance);
  }
}

export function maxDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}
