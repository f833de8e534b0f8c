import { describe, expect, it } from 'vitest';
import { beforePoles, findPole } from './poles.ts';

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

describe('beforePoles', () => {
  const seen = { min: 0.1, max: 5 };
  const wide = { min: -0.5, max: 5.6 };

  it.each([
    ['1/x', (x: number) => 1 / x],
    ['1/√x', (x: number) => x ** -0.5],
    ['log', Math.log],
    ['1/√max(x, 0)', (x: number) => 1 / Math.sqrt(Math.max(x, 0))],
  ])('draws back the end beyond the pole of %s, well away from it', (_, f) => {
    const { min, max } = beforePoles(f, seen, wide);
    expect(min).toBeLessThan(0.1);
    expect(min).toBeGreaterThan(0.02);
    expect(max).toBe(5.6);
    expect(beforePoles((x) => f(-x), { min: -5, max: -0.1 }, { min: -5.6, max: 0.5 })).toEqual({
      min: -max,
      max: -min,
    });
  });

  it('leaves ranges alone that have no pole, or have one among the values seen', () => {
    expect(beforePoles(Math.exp, seen, wide)).toEqual(wide);
    const around = { min: -4, max: 5 };
    expect(beforePoles((x) => 1 / x, around, { min: -5, max: 6 })).toEqual({ min: -5, max: 6 });
  });
});
