import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';

describe('Random', () => {
  it('is determined by its seed', () => {
    expect(new Random(3).permutation(50)).toEqual(new Random(3).permutation(50));
    expect(new Random(3).permutation(50)).not.toEqual(new Random(4).permutation(50));
  });

  it('permutes', () => {
    expect([...new Random(1).permutation(100)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('samples distinct indices in order, spread over the whole range', () => {
    const sample = new Random(5).sample(1_000_003, 1000);
    expect(sample).toHaveLength(1000);
    for (let i = 1; i < sample.length; i++) {
      expect(sample[i]!).toBeGreaterThan(sample[i - 1]!);
      expect(Math.abs(sample[i]! - i * 1000)).toBeLessThan(1100);
    }
    expect(new Random(5).sample(4, 10)).toEqual(Int32Array.of(0, 1, 2, 3));
  });
});
