import { expect, it } from 'vitest';
import { BUDGET_SECONDS, selectSlowTests, UNMEASURED_SECONDS } from '../scripts/select-slow-tests.ts';

const names = (files: readonly string[], measured: Record<string, number>, budget?: number): string[] =>
  selectSlowTests(files, measured, budget).map(({ file }) => file);

it('slow tests run in CI shortest first, up to the budget and not past it', () => {
  const measured = { a: 60, b: 10, c: 30 };
  expect(names(['a', 'b', 'c'], measured, 100)).toEqual(['b', 'c', 'a']);
  expect(names(['a', 'b', 'c'], measured, 99)).toEqual(['b', 'c']);
  expect(names(['a', 'b', 'c'], measured, 9)).toEqual([]);
});

it('what nobody has measured counts as long, and names that are gone count nothing', () => {
  expect(names(['new', 'a'], { a: UNMEASURED_SECONDS - 1, gone: 1 })).toEqual(['a', 'new']);
  expect(names(['new'], {}, UNMEASURED_SECONDS - 1)).toEqual([]);
  const many = Array.from({ length: 20 }, (_, i) => `new${String(i).padStart(2, '0')}`);
  expect(names(many, {})).toHaveLength(BUDGET_SECONDS / UNMEASURED_SECONDS);
});
