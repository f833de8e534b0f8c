import { expect, it } from 'vitest';
import { FUSED_RATIO, polynomialArgument, quickPolynomialArgument, REACH } from './sine-argument.ts';

it('is the argument itself where nothing is refreshed', () => {
  expect(polynomialArgument(undefined)(0.3)).toBe(0.3);
});

it('rises over all that was seen and a third beyond, and never leaves ±1', () => {
  const argument = polynomialArgument(FUSED_RATIO);
  expect(argument(1)).toBeCloseTo(Math.sin((2 * Math.PI * REACH) / FUSED_RATIO), 15);
  let before = -Infinity;
  for (let t = -1 / REACH; t <= 1 / REACH; t += 0.01) {
    expect(argument(t)).toBeGreaterThan(before);
    before = argument(t);
  }
  for (const t of [-1e6, -3, 2, 1e3]) expect(Math.abs(argument(t))).toBeLessThanOrEqual(1);
});

it('is the same, quickly, to the precision of float32', () => {
  const [exact, quick] = [polynomialArgument(FUSED_RATIO), quickPolynomialArgument(FUSED_RATIO)];
  for (let t = -4; t <= 4; t += 0.003) expect(Math.abs(quick(t) - exact(t))).toBeLessThan(2 ** -25);
  expect(quickPolynomialArgument(undefined)(0.3)).toBe(0.3);
  expect(quick(NaN)).toBeNaN();
});
