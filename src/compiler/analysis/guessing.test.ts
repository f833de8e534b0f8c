import { describe, expect, it } from 'vitest';
import { guessingWarning } from './guessing.ts';

const balanced = Array.from({ length: 200 }, (_, i) => i % 10);

describe('guessingWarning', () => {
  it('says so where the accuracy is that of guessing, or below, and what usually causes it', () => {
    for (const accuracy of [0.085, 0.1, 0.12, 0]) {
      expect(guessingWarning(accuracy, 200, 10, balanced)).toMatch(
        /like guessing among 10 classes: check --mean, --std, --pixel-scale/,
      );
    }
    expect(guessingWarning(0.085, 200, 10, balanced)).toContain('right on 8.5 % (95 % interval 5.0 % to');
  });

  it('is silent where the model is shown to be better, and where nothing can be told', () => {
    // 17.5 % of 200: the lower limit is 12.5 %.
    for (const accuracy of [0.175, 0.6, 1]) expect(guessingWarning(accuracy, 200, 10, balanced)).toBeNull();
    expect(guessingWarning(null, 200, 10, balanced)).toBeNull();
    expect(guessingWarning(0, 9, 10, balanced)).toBeNull();
    // The same 17.5 % of 40 shows nothing: 7 of 40 may be luck.
    expect(guessingWarning(0.175, 40, 10, balanced)).not.toBeNull();
  });

  it('counts naming the most frequent class as guessing', () => {
    const labels = Array.from({ length: 300 }, (_, i) => (i % 10 === 0 ? 1 : 0));
    expect(guessingWarning(0.91, 300, 2, labels)).toMatch(/most frequent class \(90\.0 %\)/);
    expect(guessingWarning(0.99, 300, 2, labels)).toBeNull();
  });
});
