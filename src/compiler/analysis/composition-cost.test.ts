import { describe, expect, it } from 'vitest';
import { graphOf, dense } from '../linear/testing/maps.ts';
import { placeLevels } from '../passes/place-levels.ts';
import { CompositionCost, weightedCost } from './composition-cost.ts';

const map = { shape: [1, 4], matrix: dense(4, 4) };

describe('CompositionCost', () => {
  it('plans a graph once, at its levels, and counts the primes of its chain', () => {
    const calls: (readonly number[])[] = [];
    const costs = new CompositionCost(({ levels }) => {
      calls.push(levels);
      return 7;
    }, placeLevels);
    const graph = graphOf([1, 4], [map, { degree: 4 }, map]);
    expect(costs.of(graph)).toEqual({ latencyMs: 7, length: 4 + 2 });
    expect(costs.of(graph)).toEqual({ latencyMs: 7, length: 4 + 2 });
    // map 1, quartic 2, map 1
    expect(calls).toEqual([[4, 3, 1, 0]]);
  });
});

describe('weightedCost', () => {
  const short = { latencyMs: 110, length: 10 };
  const long = { latencyMs: 100, length: 12 };

  it('is the latency alone where the ring stays', () => {
    expect(weightedCost(long, 0)).toBe(100);
    expect(weightedCost(long, 0)).toBeLessThan(weightedCost(short, 0));
  });

  it('pays for a shorter chain in proportion, and more with a larger weight', () => {
    expect(weightedCost(short, 1)).toBeLessThan(weightedCost(long, 1));
    const gain = (weight: number): number => weightedCost(long, weight) / weightedCost(short, weight);
    expect(gain(2) / gain(1)).toBeCloseTo(12 / 10, 12);
  });
});
