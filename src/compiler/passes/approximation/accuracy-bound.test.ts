import { describe, expect, it } from 'vitest';
import { boundReport, isWithin } from './accuracy-bound.ts';
import type { Drop } from './drop.ts';
import { pairedDrop } from './drop.ts';
import type { Comparison } from './quality.ts';
import { resultWarnings } from './result-warnings.ts';

const OPTIONS = { maxAccuracyDrop: 0.5, maxOutputError: null };
const LIMIT = OPTIONS.maxAccuracyDrop;

const lost = (count: number, won: number, samples: number): Drop =>
  pairedDrop('accuracy', count, won, samples, 0.05);

function warningsOf(drop: Drop, samples: number, advice = ''): string {
  const quality = {
    samples,
    originalAccuracy: 1,
    polynomialAccuracy: 1,
    agreement: 1,
    rmsOutputError: 0,
    maxOutputError: 0,
    rmsOutput: 1,
  };
  const comparison: Comparison = { quality, drop, overflows: 0, largestOutput: 1 };
  return resultWarnings(comparison, OPTIONS, advice).join();
}

describe('the accuracy bound', () => {
  it('is held against the upper end of the interval, not against the estimate', () => {
    const drop = lost(8, 0, 2000);
    expect(drop.points).toBeCloseTo(0.4, 9);
    expect(isWithin(drop, LIMIT)).toBe(false);
    expect(boundReport(drop, OPTIONS)).toMatchObject({ measure: 'accuracy', limit: 0.5, shown: false });
    // The same rate is shown to keep it by more samples.
    expect(boundReport(lost(80, 0, 20_000), OPTIONS).shown).toBe(true);
    expect(warningsOf(lost(80, 0, 20_000), 20_000)).toBe('');
  });

  it('says how many inputs would show it', () => {
    const drop = lost(8, 0, 2000);
    const needed = drop.samplesFor(LIMIT)!;
    const rates = (samples: number): Drop => lost(Math.round(0.004 * samples), 0, samples);
    expect(rates(needed).upper).toBeLessThanOrEqual(LIMIT);
    expect(rates(Math.floor(needed / 1.2)).upper).toBeGreaterThan(LIMIT);
    const [, said] = /not shown to stay within the 0.5 allowed.*about (\d+) held-out/.exec(
      warningsOf(drop, 2000),
    )!;
    expect(Number(said)).toBeGreaterThanOrEqual(needed);
    expect(Number(said)).toBeLessThan(1.1 * needed);
  });

  it('goes by the estimate where no drop at all could be shown, and says that it is not shown', () => {
    const drop = lost(0, 0, 60);
    expect(isWithin(drop, LIMIT)).toBe(true);
    expect(isWithin(lost(1, 0, 60), LIMIT)).toBe(false);
    expect(boundReport(drop, OPTIONS).shown).toBe(false);
    // The rule of three: 3 / 0.005.
    expect(warningsOf(drop, 60)).toMatch(/not shown .* about 6[0-9]0 held-out/);
  });

  it('advises what was measured, and no higher degree otherwise', () => {
    const drop = lost(40, 0, 2000);
    expect(warningsOf(drop, 2000)).toContain('more than the 0.5 allowed');
    expect(warningsOf(drop, 2000)).not.toContain('degree');
    expect(warningsOf(drop, 2000, 'no degree above 8 did better here')).toContain('no degree above 8');
  });

  it('has a limit of its own for outputs that are no classes', () => {
    const drop = { ...lost(0, 0, 60), measure: 'decisions', points: 2, upper: 2.5 } as const;
    expect(boundReport(drop, OPTIONS).limit).toBe(3);
    expect(boundReport({ ...drop, measure: 'output-error' }, OPTIONS).limit).toBe(5);
    expect(boundReport(drop, { ...OPTIONS, maxOutputError: 1 }).limit).toBe(1);
  });
});
