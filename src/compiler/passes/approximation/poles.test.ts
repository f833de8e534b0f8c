import { describe, expect, it } from 'vitest';
import { findPole } from './poles.ts';

describe('findPole', () => {
  it.each([
    ['1/x', (x: number) => 1 / x, 0],
    ['1/x²', (x: number) => 1 / (x * x), 0],
    ['tan', Math.tan, Math.PI / 2],
    ['1/(x − 0.3)', (x: number) => 1 / (x - 0.3), 0.3],
  ])('finds that of %s between the points of its grid', (_, f, pole) => {
    expect(findPole(f, { min: -1.2345, max: 2.7181 })).toBeCloseTo(pole, 2);
  });

  it('finds where a function ends', () => {
    expect(findPole(Math.log, { min: -1, max: 2 })).toBe(-1);
  });

  it.each([
    ['exp', Math.exp],
    ['a steep but bounded peak', (x: number) => 1 / (1 + 1e5 * x * x)],
    ['|x|', Math.abs],
    ['a constant', () => 0],
    ['sin', Math.sin],
    ['a function that is 0 over most of the range', (x: number) => Math.min(Math.max(x - 5, 0), 6)],
  ])('finds none in %s', (_, f) => {
    expect(findPole(f, { min: -20, max: 21 })).toBeNull();
  });
});
