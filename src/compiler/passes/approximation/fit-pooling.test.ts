import { describe, expect, it } from 'vitest';
import { LEADING_FLOOR } from '../../approx/least-squares.ts';
import { largestMagnitude } from '../../approx/chebyshev.ts';
import { Random } from '../../random.ts';
import { evaluatePolynomial } from '../../reference/polynomial-node.ts';
import { fitPolynomials } from './fit-polynomial.ts';
import type { PoolingData } from './fit-pooling.ts';
import { fitPooling, INNER_DEGREE, outerDegree } from './fit-pooling.ts';

const SETTINGS = { uniformWeight: 0.02, margin: 1.25, seed: 0 };
const CHANNELS = 2;
const WINDOWS = 6;
const TAPS = 4;
const ELEMENTS = CHANNELS * WINDOWS * TAPS;

/** ReLU and max-pooling of values that go together within a window, as neighbours in a picture do. */
function pooling(samples: number, seed: number): PoolingData {
  const random = new Random(seed);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const values = new Float32Array(samples * ELEMENTS);
  const targets = new Float32Array(samples * CHANNELS * WINDOWS);
  for (let window = 0; window < targets.length; window++) {
    const common = normal() - 0.3;
    for (let k = 0; k < TAPS; k++) values[window * TAPS + k] = common + 0.7 * normal();
    targets[window] = Math.max(0, ...values.subarray(window * TAPS, (window + 1) * TAPS));
  }
  return {
    shape: [1, CHANNELS, WINDOWS * TAPS],
    values,
    targets,
    windows: {
      rowStart: Int32Array.from({ length: CHANNELS * WINDOWS + 1 }, (_, i) => i * TAPS),
      columns: Int32Array.from({ length: ELEMENTS }, (_, i) => i),
    },
    scalar: (x) => Math.max(x, 0),
  };
}

const averaged = (values: Float32Array): Float32Array =>
  Float32Array.from(
    { length: values.length / TAPS },
    (_, i) => values.subarray(i * TAPS, (i + 1) * TAPS).reduce((sum, value) => sum + value, 0) / TAPS,
  );

function relativeError(result: Float32Array, targets: Float32Array): number {
  const [errors, squares] = [...targets].reduce(
    ([e, s], target, i) => [e + (result[i]! - target) ** 2, s + target * target],
    [0, 0],
  );
  return Math.sqrt(errors / squares);
}

describe('fitPooling', () => {
  const [data, unseen] = [pooling(700, 1), pooling(300, 2)];

  function composed(outer: number): number {
    const fitted = fitPooling(data, outer, { ...SETTINGS, degree: INNER_DEGREE, outerMargin: 1.25 });
    const pooled = averaged(evaluatePolynomial(fitted.inner, data.shape, unseen.values));
    const result = evaluatePolynomial(fitted.outer, [1, CHANNELS, WINDOWS], pooled);
    return relativeError(result, unseen.targets);
  }

  function additive(degree: number): number {
    const polynomial = fitPolynomials(data, { ...SETTINGS, degree });
    return relativeError(averaged(evaluatePolynomial(polynomial, data.shape, unseen.values)), unseen.targets);
  }

  it('beats an average of polynomials of as many levels, on inputs that it has not seen', () => {
    const [three, four] = [composed(2), composed(4)];
    // The degree of an average brings nothing any more.
    expect(additive(16)).toBeGreaterThan(0.95 * additive(8));
    expect(three).toBeLessThan(0.97 * additive(8));
    expect(four).toBeLessThan(0.85 * additive(16));
    expect(four).toBeLessThan(0.95 * three);
  });

  it('has leading coefficients that can be divided by, also where a channel does not vary', () => {
    const still = { ...data, values: data.values.slice(), targets: data.targets.slice() };
    for (let s = 0; s < 700; s++) {
      still.values.fill(-3, s * ELEMENTS, s * ELEMENTS + ELEMENTS / 2);
      still.targets.fill(0, s * CHANNELS * WINDOWS, s * CHANNELS * WINDOWS + WINDOWS);
    }
    const { inner, outer } = fitPooling(still, 4, { ...SETTINGS, degree: INNER_DEGREE, outerMargin: 1.25 });
    for (const { coefficients, degree } of [inner, outer]) {
      for (let start = 0; start < coefficients.length; start += degree + 1) {
        const channel = coefficients.slice(start, start + degree + 1);
        expect(channel.every(Number.isFinite)).toBe(true);
        expect(Math.abs(channel[degree]!)).toBeGreaterThanOrEqual(
          0.99 * LEADING_FLOOR * largestMagnitude(channel),
        );
      }
    }
  });

  it('leaves low degrees to one polynomial', () => {
    expect([2, 4, 7, 8, 16].map(outerDegree)).toEqual([null, null, null, 2, 4]);
  });
});
