import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { findOutliers, outlierWarning, sampleExtents } from './robust-range.ts';

const random = new Random(1);
const tame = (count: number): Float64Array => Float64Array.from({ length: count }, () => 1 + random.next());

describe('sampleExtents', () => {
  it('is the largest magnitude of each sample; what is not a number counts as infinite', () => {
    expect(sampleExtents([1, -3, 2, 0, NaN, 1], 3)).toEqual(Float64Array.of(3, 2, Infinity));
  });
});

describe('findOutliers', () => {
  it('finds one wild sample, in the first tensor where it is', () => {
    const [input, hidden] = [tame(60), tame(60)];
    hidden[17] = 1e5;
    const output = tame(60);
    output[17] = Infinity;
    const found = findOutliers([
      { tensor: 'x', isInput: true, largest: input },
      { tensor: 'h', isInput: false, largest: hidden },
      { tensor: 'y', isInput: false, largest: output },
    ]);
    expect(found).toEqual([{ sample: 17, tensor: 'h', largest: 1e5, usual: expect.closeTo(2, 0) as number }]);
  });

  it('finds a ladder of samples, each far beyond the one before it', () => {
    const largest = tame(100);
    [largest[3], largest[40], largest[80]] = [50, 1e3, Infinity];
    const found = findOutliers([{ tensor: 'h', isInput: false, largest }]);
    expect(found.map(({ sample }) => sample)).toEqual([3, 40, 80]);
  });

  it('leaves heavy tails alone: their largest values follow each other', () => {
    const tail = Float64Array.from({ length: 2000 }, () => Math.exp(1.5 * random.gaussian()));
    expect(findOutliers([{ tensor: 'h', isInput: true, largest: tail }])).toEqual([]);
  });

  it('leaves a layer alone that is silent but for a few inputs', () => {
    const rare = new Float64Array(60).fill(1e-6);
    rare[5] = 0.9;
    const silent = new Float64Array(60);
    silent[7] = 3;
    expect(
      findOutliers([
        { tensor: 'x', isInput: true, largest: tame(60) },
        { tensor: 'probability', isInput: false, largest: rare },
        { tensor: 'relu', isInput: false, largest: silent },
      ]),
    ).toEqual([]);
  });

  it('calls no more than one in twenty outliers, and nothing among a few', () => {
    const half = tame(60).map((value, s) => (s % 2 === 0 ? value : 1e6));
    expect(findOutliers([{ tensor: 'h', isInput: true, largest: half }])).toEqual([]);
    expect(findOutliers([{ tensor: 'h', isInput: true, largest: Float64Array.of(1, 1, 1, 1e9) }])).toEqual(
      [],
    );
  });
});

describe('outlierWarning', () => {
  it('names layer and sample', () => {
    const outlier = { sample: 4, tensor: 'relu', largest: Infinity, usual: 2 };
    const text = outlierWarning([outlier], 60, 'are left out', (s) => `sample ${10 + s}`);
    expect(text).toBe(
      "1 of 60 calibration samples are left out: sample 14 overflows in 'relu', where the others stay within 2.00",
    );
  });
});
