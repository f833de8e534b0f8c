import { describe, expect, it } from 'vitest';
import { accuracy, agreement, classOf, confusionMatrix } from './classes.ts';
import { maxAbsDifference, summariseErrors } from './errors.ts';

describe('classes', () => {
  it('are found where the output says one', () => {
    expect(classOf([0.1, 3, -2], [1, 3], [])).toBe(1);
    expect(classOf([0.1, 3, -2], [1, 3, 1, 1], ['Softmax'])).toBe(1);
    expect(classOf([7], [1], ['ArgMax'])).toBe(7);
    expect(classOf([1, 2, 3, 4], [1, 1, 2, 2], [])).toBeNull();
    expect(classOf([1], [1, 1], [])).toBeNull();
  });

  it('are judged only where there is something to judge by', () => {
    expect(accuracy([1, 2, 3], [1, 0, 3])).toBeCloseTo(2 / 3, 12);
    expect(accuracy([1, 2], [null, null])).toBeNull();
    expect(accuracy([null], [1])).toBeNull();
    expect(agreement([1, 2], [1, 3])).toBe(0.5);
    expect(confusionMatrix([0, 1, 1], [0, 0, 1], 2)).toEqual([
      [1, 1],
      [0, 1],
    ]);
    expect(confusionMatrix([0], [null], 2)).toBeNull();
    expect(confusionMatrix([0], [0], 1000)).toBeNull();
  });
});

describe('errors', () => {
  it('are summed up over all elements, relative to what references typically reach', () => {
    const summary = summariseErrors(
      [
        [1, 2.5],
        [-3, 4],
      ],
      [
        [1, 2],
        [-4, 4],
      ],
    );
    expect(summary.maxAbsError).toBe(1);
    expect(summary.range).toBe(2);
    expect(summary.rmsError).toBeCloseTo(Math.sqrt(1.25 / 4), 12);
    expect(summary.precisionBits.min).toBe(1);
    expect(summary.histogram.counts.reduce((sum, count) => sum + count)).toBe(4);
    expect(maxAbsDifference([1, 5], [2, 2])).toBe(3);
  });

  it('count by the lower quartile of outputs, as forecasts do, not by one that reaches further', () => {
    const reference = [[-2], [64], [4], [4]];
    const { range, precisionBits } = summariseErrors([[-2], [64], [4], [5]], reference);
    expect(range).toBe(4);
    expect(precisionBits.min).toBe(2);
  });

  it('count by the largest where most outputs are zero', () => {
    expect(summariseErrors([[0], [0], [0], [8]], [[0], [0], [0], [4]]).range).toBe(4);
  });
});
