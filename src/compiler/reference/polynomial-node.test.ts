import { describe, expect, it } from 'vitest';
import { evaluateChebyshev } from '../approx/chebyshev.ts';
import type { PolynomialAttributes } from '../ir/tensor-graph.ts';
import { randomTensor } from '../passes/approximation/testing/graphs.ts';
import { evaluatePolynomial } from './polynomial-node.ts';

describe('evaluatePolynomial', () => {
  it.each([
    ['channels of many elements', [1, 2, 300]],
    ['channels of few elements', [1, 2, 3]],
    ['neurons', [1, 2]],
  ])('gives every channel its polynomial: %s', (_, shape) => {
    const attributes: PolynomialAttributes = {
      axis: 1,
      degree: 3,
      center: [0.1, -0.4],
      halfWidth: [1.5, 2],
      coefficients: [1, -2, 0.5, 0.25, 0, 1, -1, 2],
    };
    const inner = shape.slice(2).reduce((product, size) => product * size, 1);
    const values = Float32Array.from(randomTensor([3, ...shape], 2, 4).data);
    const result = evaluatePolynomial(attributes, shape, values);
    for (let i = 0; i < values.length; i++) {
      const c = Math.floor(i / inner) % 2;
      const t = (values[i]! - attributes.center[c]!) / attributes.halfWidth[c]!;
      expect(result[i]).toBeCloseTo(evaluateChebyshev(attributes.coefficients, t, 4 * c, 3), 4);
    }
    const even = { ...attributes, coefficients: [1, 0, 0.5, 0, -2, 0, 1, 0] };
    for (const [i, value] of evaluatePolynomial(even, shape, values).entries()) {
      const c = Math.floor(i / inner) % 2;
      const t = (values[i]! - even.center[c]!) / even.halfWidth[c]!;
      expect(value).toBeCloseTo(evaluateChebyshev(even.coefficients, t, 4 * c, 3), 4);
    }
    const shared = { ...attributes, center: [0], halfWidth: [1], coefficients: [1, 2] };
    expect(evaluatePolynomial({ ...shared, degree: 1 }, shape, values)[1]).toBeCloseTo(1 + 2 * values[1]!, 5);
  });
});
