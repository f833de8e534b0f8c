import { expect, it } from 'vitest';
import {
  latencyStatistics,
  logErrorHistogram,
  median,
  precisionBits,
  precisionStatistics,
  quantile,
  wilsonInterval,
} from './statistics.ts';

it('takes medians and quantiles', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([5, 1, 2, 3, 4], 0.95)).toBe(5);
  expect(latencyStatistics([30, 10, 20])).toEqual({ median: 20, p95: 30, min: 10 });
});

it('counts bits of precision relative to the range', () => {
  expect(precisionBits(0.25, 4)).toBe(4);
  expect(precisionBits(0, 4)).toBe(53);
  expect(precisionStatistics([0.25, -1, 0.5], 4)).toEqual({ min: 2, mean: 3, median: 3 });
});

it('puts every error in a bin', () => {
  const { start, step, counts } = logErrorHistogram([0, 1e-3, -1e-2, 5e-2, 1], 8);
  expect(counts.reduce((sum, count) => sum + count)).toBe(5);
  expect(start).toBe(-3);
  expect(start + step * counts.length).toBeCloseTo(0, 9);
  expect(logErrorHistogram([0, 0]).counts).toEqual([2]);
});

it('agrees with published Wilson intervals', () => {
  // Newcombe (1998), table I: 81/263 → 0.2553 to 0.3662; 0/20 → 0 to 0.1611
  const [low, high] = wilsonInterval(81, 263);
  expect([low, high].map((value) => Number(value.toFixed(4)))).toEqual([0.2553, 0.3662]);
  expect(wilsonInterval(0, 20)[0]).toBe(0);
  expect(wilsonInterval(0, 20)[1]).toBeCloseTo(0.1611, 4);
});
