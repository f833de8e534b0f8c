import { describe, expect, it } from 'vitest';
import type { BabyRotation } from './program.ts';
import { rotationPoints } from './rotation-points.ts';

const baby = (from: number, via: readonly number[], source = 0): BabyRotation => ({
  source,
  from,
  via,
  step: 0,
});

describe('rotationPoints', () => {
  it('is each source that is rotated, however often', () => {
    expect(rotationPoints([baby(-1, []), baby(-1, [1]), baby(-1, [2])])).toEqual({ sources: 1, between: 0 });
    expect(rotationPoints([baby(-1, [1]), baby(-1, [1], 1)])).toEqual({ sources: 2, between: 0 });
    expect(rotationPoints([baby(-1, [])])).toEqual({ sources: 0, between: 0 });
  });

  it('counts babies that others start from, and what lies on a way of several steps', () => {
    expect(rotationPoints([baby(-1, [1]), baby(0, [1])])).toEqual({ sources: 1, between: 1 });
    expect(rotationPoints([baby(-1, [1, 1, 1])])).toEqual({ sources: 1, between: 2 });
  });

  it('counts what ways have in common once', () => {
    // 8, 8 + 1 and 8 + 2 are made from one rotation by 8, which is a baby itself later.
    const babies = [baby(-1, [8, 1]), baby(-1, [8, 2]), baby(-1, [8]), baby(2, [4])];
    expect(rotationPoints(babies)).toEqual({ sources: 1, between: 1 });
    // A baby without a step of its own is the source.
    expect(rotationPoints([baby(-1, []), baby(0, [3])])).toEqual({ sources: 1, between: 0 });
  });
});
