import { describe, expect, it } from 'vitest';
import type { ActivationChoice } from '../../options.ts';
import { FUSED_RATIO } from '../../approx/sine-argument.ts';
import type { PolynomialAttributes } from '../../ir/tensor-graph.ts';
import { evaluatePolynomial } from '../../onnx/ops/polynomial.ts';
import { approximateSite } from './approximate-site.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { findSites } from './sites.ts';
import { makeGraph } from './testing/graphs.ts';

async function warningOf(op: string, values: readonly number[], choice: ActivationChoice) {
  const shape = [1, 1, values.length];
  const graph = makeGraph({ x: shape }, [{ op, inputs: ['x'], output: 'y', shape }], {}, ['y']);
  const [site] = findSites(graph, new Map([['*', choice]]));
  const exact: Readonly<Record<string, (x: number) => number>> = { Reciprocal: (x) => 1 / x, Exp: Math.exp };
  const data = { values: Float32Array.from(values), targets: Float32Array.from(values, exact[op]) };
  return approximateSite(graph, site!, choice, data, DEFAULT_SETTINGS);
}

describe('warnings', () => {
  const positive = Array.from({ length: 200 }, (_, i) => 1 + i / 100);
  const bothSides = positive.map((x, i) => (i % 2 === 0 ? x : -x));
  const degree = { kind: 'degree', degree: 3 } as const;
  const precise = { kind: 'precision', bits: 6 } as const;

  it('name a pole within the fitted range, and keep the fit finite', async () => {
    const { warning, polynomial } = await warningOf('Reciprocal', bothSides, degree);
    expect(warning).toMatch(/^Reciprocal 'y' has no finite value near .* within its fitted range/);
    expect(polynomial.coefficients.every(Number.isFinite)).toBe(true);
  });

  it('say that a fit holds for the values seen only', async () => {
    const { warning, method } = await warningOf('Reciprocal', bothSides, precise);
    expect(method).toBe('least-squares');
    expect(warning).toMatch(/least squares to the values seen only.*ACTIVATION_TOO_STEEP|RANGE_SINGULAR/);
  });

  it.each([degree, precise])('are not given for what is smooth over its range: %o', async (choice) => {
    expect((await warningOf('Reciprocal', positive, choice)).warning).toBeNull();
    expect((await warningOf('Exp', bothSides, choice)).warning).toBeNull();
  });
});

describe('behind a refresh', () => {
  const values = Array.from({ length: 4000 }, (_, i) => 5 * Math.sin(i));
  const relu = (x: number): number => Math.max(x, 0);
  const fitted = async (choice: ActivationChoice) => {
    const shape = [1, 1, values.length];
    const graph = makeGraph({ x: shape }, [{ op: 'Relu', inputs: ['x'], output: 'y', shape }], {}, ['y']);
    const [site] = findSites(graph, new Map([['*', choice]]));
    const data = { values: Float32Array.from(values), targets: Float32Array.from(values, relu) };
    return (await approximateSite(graph, site!, choice, data, DEFAULT_SETTINGS)).polynomial;
  };
  const worst = (polynomial: PolynomialAttributes, at: readonly number[]): number => {
    const found = evaluatePolynomial(polynomial, [1, 1, at.length], Float64Array.from(at));
    return Math.max(...found.map((y, i) => Math.abs(y - relu(at[i]!))));
  };

  it('an activation is fitted on the sine as well as on the value, and no escape derails it', async () => {
    const plain = await fitted({ kind: 'degree', degree: 8 });
    const refreshed = await fitted({ kind: 'degree', degree: 8, ratio: FUSED_RATIO });
    expect(refreshed.ratio).toBe(FUSED_RATIO);
    expect(worst(refreshed, values)).toBeLessThan(1.2 * worst(plain, values));
    const beyond = [-40, -12, 12, 40];
    expect(worst(plain, beyond)).toBeGreaterThan(1e3);
    // At most its own size off: the sine folds back.
    expect(worst(refreshed, beyond)).toBeLessThan(50);
  });
});
