import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import type { LinearGraph, LinearNode, PolynomialNode } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { diagonal } from '../linear/sparse-matrix.ts';
import { composeLinear } from './testing/compose-linear.ts';
import { LEADING_FLOOR, normalisePolynomials } from './normalise-polynomials.ts';
import { placeLevels } from './place-levels.ts';

const SIZE = 6;

interface Options {
  readonly bound?: number;
  /** A linear map before the polynomial, and one behind it. */
  readonly before?: boolean;
  readonly behind?: boolean;
}

/** x → [map] → Σ_k coefficients[k] T_k → [map]; `coefficients[k]` one number or one per element. */
function chain(coefficients: readonly (number | readonly number[])[], options: Options = {}): LinearGraph {
  const { bound = 1, before = true, behind = true } = options;
  const rest = { shape: [1, SIZE], bound };
  const map = diagonal(Float64Array.from({ length: SIZE }, (_, e) => 1 + e / 10));
  const builder = new LinearGraphBuilder();
  let last = builder.add({ kind: 'input', name: 'x', layer: 'x', ...rest });
  if (before) {
    last = builder.add({
      kind: 'linear',
      terms: [{ source: last, matrix: map }],
      bias: null,
      layer: 'fc1',
      ...rest,
    });
  }
  last = builder.add({
    kind: 'polynomial',
    source: last,
    degree: coefficients.length - 1,
    unitLeading: false,
    coefficients: coefficients.map((c) =>
      typeof c === 'number' ? Float64Array.of(c) : Float64Array.from(c),
    ),
    layer: 'relu',
    ...rest,
  });
  if (behind) {
    last = builder.add({
      kind: 'linear',
      terms: [{ source: last, matrix: map }],
      bias: null,
      layer: 'fc2',
      ...rest,
    });
  }
  return builder.build('chain', [{ name: 'y', node: last }]);
}

function polynomialOf(graph: LinearGraph): PolynomialNode {
  return graph.nodes.find((node) => node.kind === 'polynomial')!;
}

function kinds(graph: LinearGraph): string {
  return graph.nodes.map((node) => node.kind).join(' ');
}

function largestDifference(a: LinearGraph, b: LinearGraph): number {
  const x = Float64Array.from({ length: SIZE }, (_, e) => Math.cos(e * 1.3) / 2);
  const [before, after] = [evaluateLinearGraph(a, [x])[0]!, evaluateLinearGraph(b, [x])[0]!];
  return Math.max(...before.map((value, e) => Math.abs(value - after[e]!)));
}

describe('normalisePolynomials', () => {
  it('leaves an exact square without any map, shift or constant', () => {
    const graph = chain([0.5, 0, 0.5], { before: false, behind: false });
    const after = composeLinear(normalisePolynomials(graph));
    expect(kinds(after)).toBe('input polynomial');
    const square = polynomialOf(after);
    expect(square).toMatchObject({ degree: 2, unitLeading: true });
    expect(square.coefficients).toEqual([Float64Array.of(0), Float64Array.of(0)]);
    expect(placeLevels(after).levels).toEqual([1, 0]);
    expect(largestDifference(graph, after)).toBeLessThan(1e-15);
  });

  it('completes the square of every quadratic, per element, so that it costs one level and no plaintext operation', () => {
    const graph = chain([[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.5, [0.3, -0.2, 0.25, 0.1, 0.4, 0.7]]);
    const after = composeLinear(normalisePolynomials(graph));
    expect(kinds(after)).toBe('input linear polynomial linear');
    expect(polynomialOf(after).coefficients.every((c) => c.length === 1 && c[0] === 0)).toBe(true);
    expect(placeLevels(after).length.depth).toBe(3);
    expect(largestDifference(graph, after)).toBeLessThan(1e-14);
  });

  it('scales the input of a square of a wide range to about 1, and the square back in the map behind', () => {
    const graph = chain([0.5, 0, 0.5], { bound: 50 });
    const normalised = normalisePolynomials(graph);
    const square = polynomialOf(normalised);
    expect(normalised.nodes[square.source]!.bound).toBeCloseTo(50 / 64, 12);
    expect(square.bound).toBeLessThan(2);
    const after = composeLinear(normalised);
    expect(kinds(after)).toBe('input linear polynomial linear');
    const behind = after.nodes[3] as LinearNode;
    expect(behind.terms[0]!.matrix.values[0]).toBe(64 * 64);
    expect(largestDifference(graph, after)).toBeLessThan(1e-13);
  });

  it('does not spend a level on shifting or scaling where no map comes before', () => {
    const graph = chain([0.2, 0.5, 0.3], { before: false, bound: 3 });
    const after = composeLinear(normalisePolynomials(graph));
    expect(kinds(after)).toBe('input polynomial linear');
    expect(polynomialOf(after).coefficients[1]![0]).toBeCloseTo(0.5 / 0.6, 14);
    expect(largestDifference(graph, after)).toBeLessThan(1e-14);
  });

  // c_k of x⁴ + a x, and of x² + a x.
  const quartic = (a: number): number[] => [3 / 8, a, 4 / 8, 0, 1 / 8];
  const quadratic = (a: number): number[] => [1 / 2, a, 1 / 2];

  it.each([
    { bound: 2 ** -14, terms: quartic(1), left: 'input linear linear linear' },
    { bound: 2 ** 14, terms: quartic(2 ** 90), left: 'input linear linear linear' },
    { bound: 2 ** -30, terms: quadratic(2 ** 20), left: 'input linear linear linear' },
    // Far beyond the coefficient of x, and yet a part of the values.
    { bound: 2 ** 14, terms: quartic(2 ** 50), left: 'input linear polynomial linear linear' },
    { bound: 2 ** 14, terms: quadratic(2 ** 41), left: 'input linear polynomial linear' },
  ])('judges terms by what they are of values up to $bound: $terms', ({ bound, terms, left }) => {
    const graph = chain(terms, { bound });
    const after = normalisePolynomials(graph);
    expect(kinds(after)).toBe(left);
    const x = Float64Array.from({ length: SIZE }, (_, e) => (bound * Math.cos(e * 1.3)) / 2);
    const [wanted, found] = [evaluateLinearGraph(graph, [x])[0]!, evaluateLinearGraph(after, [x])[0]!];
    const largest = Math.max(...wanted.map(Math.abs));
    for (const [e, value] of found.entries())
      expect(Math.abs(value - wanted[e]!) / largest).toBeLessThan(1e-6);
  });

  it('rather takes a level than another polynomial where a small argument leaves little of the leading term', () => {
    // Of values up to 1e-3, x⁴ is 2^-30 of the largest.
    const graph = chain(quartic(1), { bound: 2 ** -10 });
    const after = normalisePolynomials(graph);
    expect(polynomialOf(after)).toMatchObject({ degree: 4, unitLeading: false });
  });

  it('saves a level for degrees 4 and 8 and moves the constant into the map behind', () => {
    for (const degree of [4, 8]) {
      const graph = chain(Array.from({ length: degree + 1 }, (_, k) => 0.7 / (k + 1)));
      const after = composeLinear(normalisePolynomials(graph));
      expect(polynomialOf(after).coefficients[0]).toEqual(Float64Array.of(0));
      expect(placeLevels(graph).length.depth - placeLevels(after).length.depth).toBe(1);
      expect(largestDifference(graph, after)).toBeLessThan(1e-13);
    }
  });

  it('keeps a bare constant inside where only it would need a map', () => {
    // x² + 3, read by the output itself
    const graph = chain([3.5, 0, 0.5], { behind: false });
    const after = composeLinear(normalisePolynomials(graph));
    expect(kinds(after)).toBe('input linear polynomial');
    expect(polynomialOf(after).coefficients[0]).toEqual(Float64Array.of(3));
    expect(largestDifference(graph, after)).toBeLessThan(1e-14);
  });

  it('leaves other degrees as they are, without leading zeros', () => {
    expect(polynomialOf(normalisePolynomials(chain([1, 2, 3, 4])))).toMatchObject({
      degree: 3,
      unitLeading: false,
    });
    const padded = normalisePolynomials(chain([1, 2, 3, 4, 0]));
    expect(polynomialOf(padded)).toMatchObject({ degree: 3, unitLeading: false });
    expect(polynomialOf(padded).coefficients).toHaveLength(4);
  });

  it('turns degrees 1 and 0 into linear maps', () => {
    for (const coefficients of [
      [1, 2, 0, 0, 0],
      [3, 0, 0],
    ]) {
      const graph = chain(coefficients);
      const after = composeLinear(normalisePolynomials(graph));
      expect(kinds(after)).toBe('input linear');
      expect(largestDifference(graph, after)).toBeLessThan(1e-14);
    }
  });

  it('drops elements that are constant out of the map behind', () => {
    const graph = chain([1, [0.5, 0, 0.5, 0.5, 0, 0.5], [0.3, 0, 0.3, 0.3, 0, 0.3]]);
    const after = composeLinear(normalisePolynomials(graph));
    expect((after.nodes.at(-1) as LinearNode).terms[0]!.matrix.values).toHaveLength(4);
    expect(largestDifference(graph, after)).toBeLessThan(1e-14);
  });

  it('gives elements without leading coefficient one too small to matter', () => {
    for (const degree of [2, 8]) {
      const leading = [0.3, 0, 1e-18, 0.3, -1e-18, 0.3];
      const graph = chain([0.2, 0.9, ...Array<number>(degree - 2).fill(0.1), leading]);
      const after = composeLinear(normalisePolynomials(graph));
      expect(polynomialOf(after).unitLeading).toBe(true);
      const difference = largestDifference(graph, after);
      expect(difference).toBeGreaterThan(0);
      expect(difference).toBeLessThan(2 * LEADING_FLOOR);
      expect(polynomialOf(after).bound).toBeLessThan(1 / LEADING_FLOOR / 0.9);
    }
  });

  it('computes the same function for any coefficients', () => {
    const value = fc.double({ min: -1, max: 1, noNaN: true }).map((v) => Math.fround(v));
    const away = fc.double({ min: 0.05, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.array(value, { minLength: SIZE, maxLength: SIZE }), { minLength: 1, maxLength: 8 }),
        fc.array(away, { minLength: SIZE, maxLength: SIZE }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0.01, 1, 30),
        (lower, leading, before, behind, bound) => {
          const graph = chain([...lower, leading], { before, behind, bound });
          const normalised = normalisePolynomials(graph);
          expect(largestDifference(graph, normalised)).toBeLessThan(1e-10);
          expect(largestDifference(graph, composeLinear(normalised))).toBeLessThan(1e-10);
        },
      ),
      { numRuns: 200, seed: 3 },
    );
  });
});
