import { expect, it } from 'vitest';
import { selectSlowTests } from '../scripts/select-slow-tests.ts';

const names = (files: readonly string[], measured: Record<string, number>, budget?: number): string[] =>
  selectSlowTests(files, measured, budget).map(({ file }) => file);

it('slow tests run in CI shortest first, up to the budget and not past it', () => {
  const measured = { a: 60, b: 10, c: 30 };
  expect(names(['a', 'b', 'c'], measured, 100)).toEqual(['b', 'c', 'a']);
  expect(names(['a', 'b', 'c'], measured, 99)).toEqual(['b', 'c']);
  expect(names(['a', 'b', 'c'], measured, 9)).toEqual([]);
});

it('what nobody has measured is left out, and names that are gone count nothing', () => {
  expect(names(['new', 'a'], { a: 7, gone: 1 })).toEqual(['a']);
  expect(names(['a'], { a: 1, gone: 60 }, 10)).toEqual(['a']);
});
