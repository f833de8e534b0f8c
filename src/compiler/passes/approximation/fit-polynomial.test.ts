import { describe, expect, it } from 'vitest';
import { LEADING_FLOOR } from '../../approx/least-squares.ts';
import { evaluatePolynomial } from '../../reference/polynomial-node.ts';
import type { FitData, FitSettings } from './fit-polynomial.ts';
import { fitPolynomials } from './fit-polynomial.ts';
import { randomTensor } from './testing/graphs.ts';

const settings: FitSettings = { degree: 4, uniformWeight: 0, margin: 1.05, seed: 0 };
const relu = (x: number): number => Math.max(x, 0);

function rms(a: Float32Array, b: Float32Array): number {
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / a.length);
}

function pointwise(shape: readonly number[], samples: number, f: (x: number, i: number) => number): FitData {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const values = Float32Array.from(randomTensor([samples, size], 2, 7).data);
  return { shape, values, targets: values.map(f), windows: null, scalar: relu };
}

describe('fitPolynomials', () => {
  it('gives every channel its own polynomial', () => {
    // Channel c of [1, 3, 2, 2] maps x to (c + 1) x² − x.
    const data = pointwise([1, 3, 2, 2], 40, (x, i) => ((Math.floor(i / 4) % 3) + 1) * x * x - x);
    const fitted = fitPolynomials(data, { ...settings, degree: 2 });
    expect(fitted.axis).toBe(1);
    expect(fitted.coefficients).toHaveLength(9);
    expect(rms(evaluatePolynomial(fitted, data.shape, data.values), data.targets)).toBeLessThan(1e-5);
  });

  it('every neuron of a dense layer is a channel; a vector without channels shares one polynomial', () => {
    expect(fitPolynomials(pointwise([1, 5], 30, relu), settings).center).toHaveLength(5);
    const shared = fitPolynomials(pointwise([6], 30, relu), settings);
    expect(shared.center).toHaveLength(1);
    expect(shared.axis).toBe(0);
  });

  it('fits better with a higher degree, and covers the range with its margin', () => {
    const data = pointwise([1, 2, 8], 200, relu);
    const errors = [2, 4, 8].map((degree) =>
      rms(
        evaluatePolynomial(fitPolynomials(data, { ...settings, degree }), data.shape, data.values),
        data.targets,
      ),
    );
    expect(errors[1]!).toBeLessThan(errors[0]! * 0.7);
    expect(errors[2]!).toBeLessThan(errors[1]! * 0.7);
    const { halfWidth } = fitPolynomials(data, settings);
    for (const width of halfWidth) expect(width).toBeCloseTo(2 * 1.05, 1);
  });

  it('fits max-pooling on average-pooled powers', () => {
    const data = pointwise([1, 2, 4], 300, relu);
    const windows = {
      rowStart: Int32Array.of(0, 2, 4, 6, 8),
      columns: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7),
    };
    const pooledTargets = new Float32Array(data.values.length / 2);
    for (let i = 0; i < pooledTargets.length; i++) {
      pooledTargets[i] = relu(Math.max(data.values[2 * i]!, data.values[2 * i + 1]!));
    }
    const fitted = fitPolynomials({ ...data, targets: pooledTargets, windows }, { ...settings, degree: 4 });
    const polynomial = evaluatePolynomial(fitted, data.shape, data.values);
    const averaged = pooledTargets.map((_, i) => (polynomial[2 * i]! + polynomial[2 * i + 1]!) / 2);
    const mean = pooledTargets.reduce((sum, value) => sum + value, 0) / pooledTargets.length;
    expect(rms(averaged, pooledTargets)).toBeLessThan(
      0.6 *
        rms(
          pooledTargets.map(() => mean),
          pooledTargets,
        ),
    );
  });

  it('survives constant and dead channels, with leading coefficients that can be divided by', () => {
    const data = pointwise([1, 2, 4], 50, relu);
    data.values.fill(-3);
    data.targets.fill(0);
    for (let i = 0; i < data.values.length; i += 8) for (let k = 0; k < 4; k++) data.values[i + k] = 0.5;
    for (let i = 0; i < data.targets.length; i += 8) for (let k = 0; k < 4; k++) data.targets[i + k] = 0.5;
    const fitted = fitPolynomials(data, { ...settings, uniformWeight: 0.02 });
    expect(fitted.halfWidth).toEqual([1, 1]);
    expect(rms(evaluatePolynomial(fitted, data.shape, data.values), data.targets)).toBeLessThan(0.02);
    for (const c of [0, 1])
      expect(Math.abs(fitted.coefficients[c * 5 + 4]!)).toBeGreaterThan(LEADING_FLOOR * 1e-4);
  });
});
