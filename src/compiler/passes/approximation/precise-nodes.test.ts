import { describe, expect, it } from 'vitest';
import { CompileError } from '../../../errors.ts';
import type { TensorNode } from '../../ir/tensor-graph.ts';
import { evaluatePolynomial } from '../../onnx/ops/polynomial.ts';
import { fitPrecisely, fitWhereSeen, widened } from './precise-nodes.ts';

const NODE: TensorNode = { name: 'act', op: 'Act', inputs: ['x'], outputs: ['y'], attributes: {} };

function worst(
  fit: ReturnType<typeof fitPrecisely>,
  f: (x: number) => number,
  min: number,
  max: number,
): number {
  const points = Float64Array.from({ length: 2001 }, (_, i) => min + ((max - min) * i) / 2000);
  const values = evaluatePolynomial(fit.polynomial, [1, points.length], points);
  return values.reduce((error, value, i) => Math.max(error, Math.abs(value - f(points[i]!))), 0);
}

describe('fitPrecisely', () => {
  it.each([
    ['Relu', (x: number) => Math.max(x, 0), -3, 2, 255],
    ['Sigmoid', (x: number) => 1 / (1 + Math.exp(-x)), -4, 4, 15],
    ['square', (x: number) => x * x, -3, 2, 2],
    ['Relu of positive values', (x: number) => Math.max(x, 0), 1, 2, 1],
  ] as const)('keeps the bits asked for: %s', (_, f, min, max, degree) => {
    const fit = fitPrecisely(NODE, f, { min, max }, 9.5, 1);
    const largest = Math.max(Math.abs(f(min)), Math.abs(f(max)));
    expect(fit.polynomial.degree).toBe(degree);
    expect(worst(fit, f, min, max)).toBeLessThanOrEqual(1.0001 * largest * 2 ** -9.5);
  });

  it('keeps away from singularities that the values keep away from', () => {
    expect(widened({ min: 0.01, max: 5 }).min).toBeGreaterThan(0);
    expect(widened({ min: -5, max: -0.01 }).max).toBeLessThan(0);
    expect(fitPrecisely(NODE, (x) => 1 / x, { min: 0.5, max: 4 }, 10, 1).polynomial.degree).toBeLessThan(32);
    expect(fitPrecisely(NODE, Math.asin, { min: -1, max: 0.5 }, 5, 1).error).toBeLessThan(0.05);
  });

  it('says what depth it would take', () => {
    const failure = (f: (x: number) => number, bits: number): CompileError => {
      try {
        fitPrecisely(NODE, f, { min: -1, max: 1 }, bits, 1);
      } catch (error) {
        if (error instanceof CompileError) return error;
      }
      throw new Error('expected a CompileError');
    };
    expect(failure(Math.abs, 20)).toMatchObject({ code: 'ACTIVATION_TOO_STEEP', node: 'act' });
    expect(failure(Math.abs, 20).message).toMatch(/at least 1[6-9] levels/);
    expect(failure((x) => Math.log(x), 10).code).toBe('RANGE_SINGULAR');
  });
});

describe('powers over a range that begins at 0', () => {
  const range = { min: 0, max: 59 };

  it.each([
    [0.5, 255],
    [1.5, 7],
    [3, 3],
  ])('x^%d is followed to the singularity of its derivatives', (exponent, degree) => {
    const fit = fitPrecisely(NODE, (x) => x ** exponent, range, 10, 1);
    expect(fit.polynomial.degree).toBe(degree);
    expect(worst(fit, (x) => x ** exponent, 0, 59)).toBeLessThan(59 ** exponent * 2 ** -10);
  });

  it.each([
    ['1/x', (x: number) => 1 / x, range, /near 0 in its calibrated range \[0\.00, 59\.0\]/],
    ['tan between grid points', Math.tan, { min: -2.55, max: 2.27 }, /near -1\.57 in/],
  ])('a pole is named: %s', (_, f, seen, message) => {
    expect(() => fitPrecisely(NODE, f, seen, 10, 1)).toThrow(
      expect.objectContaining({
        code: 'RANGE_SINGULAR',
        message: expect.stringMatching(message) as string,
      }) as Error,
    );
  });
});

describe('fitWhereSeen', () => {
  const inverse = (x: number): number => 1 / x;

  it('meets values on both sides of a pole', () => {
    const values = Float32Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? -4 : 2) * (1 + i / 4000));
    const polynomial = fitWhereSeen(values, inverse, { min: -4.2, max: 2.1 }, 10, 1)!;
    const results = evaluatePolynomial(polynomial, [1, 200], Float64Array.from(values));
    results.forEach((value, i) => expect(Math.abs(value - inverse(values[i]!))).toBeLessThan(2 ** -11));
  });

  it('gives up where the values come close to the pole', () => {
    const values = Float32Array.from({ length: 201 }, (_, i) => (i - 100.5) / 50);
    expect(fitWhereSeen(values, inverse, { min: -2, max: 2 }, 10, 1)).toBeNull();
  });
});
