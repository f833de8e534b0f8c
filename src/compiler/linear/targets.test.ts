import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { denseTargets } from './dense-targets.ts';
import { gridTargets, naturalGrids } from './grid-targets.ts';
import { keptBits, reductionSteps, windowsDisjoint, type Target } from './target.ts';

const N = 1024;
const powers = fc.constantFrom(1, 4, 16, 64, 256, 1024);

function checkTarget(target: Target, sourcePeriod: number, clean: boolean): void {
  const { frame, fill, stride, count } = target;
  expect(windowsDisjoint(target), target.key).toBe(true);
  expect(N % fill).toBe(0);
  expect(fill).toBeGreaterThanOrEqual(Math.min(sourcePeriod, N));
  // A window either leaves partial sums behind, or wraps around its whole period.
  const cyclic = stride * count === fill && frame.layout.period === stride;
  expect(frame.junk).toBe(count > 1 && !cyclic);
  if (!cyclic) expect(frame.layout.period).toBe(fill);
  if (clean) expect(frame.junk).toBe(false);
}

describe('targets', () => {
  it('never mix the sums of different rows: dense', () => {
    const cases = fc.record({
      rows: fc.integer({ min: 1, max: 1500 }),
      sourcePeriod: powers,
      clean: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ rows, sourcePeriod, clean }) => {
        const targets = denseTargets([1, rows], { slotCount: N, sourcePeriod, clean });
        expect(targets.length).toBeGreaterThan(0);
        for (const target of targets) checkTarget(target, sourcePeriod, clean);
      }),
      { numRuns: 40, seed: 3 },
    );
  });

  it('never mix the sums of different rows: grids', () => {
    const cases = fc.record({
      channels: fc.integer({ min: 1, max: 40 }),
      size: fc.integer({ min: 2, max: 12 }),
      gap: fc.constantFrom(1, 2, 3),
      sourcePeriod: powers,
      clean: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ channels, size, gap, sourcePeriod, clean }) => {
        const shape = [1, channels, size, size];
        const needs = { room: [size, size], gaps: [gap, gap], split: [1, 1] };
        const targets = naturalGrids(shape, needs).flatMap((grid) =>
          gridTargets(shape, grid, { slotCount: N, sourcePeriod, clean }),
        );
        expect(targets.length).toBeGreaterThan(0);
        for (const target of targets) checkTarget(target, sourcePeriod, clean);
      }),
      { numRuns: 40, seed: 4 },
    );
  });

  it('split distances into a kept offset and a place in the window', () => {
    const target = denseTargets([1, 100], { slotCount: N, sourcePeriod: N, clean: true }).find(
      ({ count }) => count > 1,
    )!;
    expect(target).toMatchObject({ stride: 128, count: 8, fill: N });
    expect(reductionSteps(target)).toEqual([128, 256, 512]);
    expect(0b11_1010_0101 & keptBits(target)).toBe(0b00_0010_0101);
  });
});
