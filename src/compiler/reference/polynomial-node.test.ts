import { describe, expect, it } from 'vitest';
import { evaluatePolynomial } from './polynomial-node.ts';

const attributes = { axis: 1, degree: 2, center: [0], halfWidth: [1] };

describe('evaluatePolynomial', () => {
  it.each([2, 40])('keeps squares of small numbers, of %i elements each channel', (inner) => {
    const values = Float32Array.from({ length: 2 * inner }, (_, i) => 1e-12 * (i + 1));
    // x² = (T_0 + T_2) / 2 and 3 x².
    const squares = { ...attributes, coefficients: [0.5, 0, 0.5, 1.5, 0, 1.5] };
    const found = evaluatePolynomial(squares, [1, 2, inner], values);
    found.forEach((value, i) => {
      const wanted = (i < inner ? 1 : 3) * values[i]! ** 2;
      expect(Math.abs(value / wanted - 1)).toBeLessThan(1e-6);
    });
  });

  it('keeps those of arguments that only a half-width makes small, in each channel', () => {
    // (x / 1e9)² of values around 1, and x² of some around 1000.
    const squares = { ...attributes, halfWidth: [1e9, 1], coefficients: [0.5, 0, 0.5, 0.5, 0, 0.5] };
    const values = Float32Array.from({ length: 8 }, (_, i) => (i < 4 ? 1 + i : 1000 * i));
    const found = evaluatePolynomial(squares, [1, 2, 4], values);
    found.forEach((value, i) => {
      const wanted = (values[i]! / (i < 4 ? 1e9 : 1)) ** 2;
      expect(Math.abs(value / wanted - 1)).toBeLessThan(1e-6);
    });
  });

  it.each([2, 40])(
    'takes the sine first where values are refreshed, of %i elements each channel',
    (inner) => {
      const refreshed = {
        axis: 1,
        degree: 2,
        center: [1, -1],
        halfWidth: [2, 3],
        coefficients: [0.5, 0.25, 0.125, 1, 0, -1],
        ratio: 4,
      };
      const values = Float32Array.from({ length: 2 * inner }, (_, i) => 8 * Math.sin(i));
      const found = evaluatePolynomial(refreshed, [1, 2, inner], values);
      found.forEach((value, i) => {
        const first = i < inner;
        const t = first ? (values[i]! - 1) / 2 : (values[i]! + 1) / 3;
        const s = Math.sin((2 * Math.PI * 0.75 * t) / 4);
        const wanted = first ? 0.5 + 0.25 * s + 0.125 * (2 * s * s - 1) : 1 - (2 * s * s - 1);
        expect(value).toBeCloseTo(wanted, 6);
      });
    },
  );
});
