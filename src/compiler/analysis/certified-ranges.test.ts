import { describe, expect, it } from 'vitest';
import { Random } from '../random.ts';
import { certifyInput, certifyOutput, withExactValues } from './certified-ranges.ts';

const random = new Random(5);
const values = (samples: number, size: number, at: (e: number) => number): Float32Array =>
  Float32Array.from({ length: samples * size }, (_, i) => at(i % size));
const PIXELS = { pixelScale: 1 / 255, mean: [0.5, 0.25], std: [0.25, 0.5] };

describe('certifyInput', () => {
  it('gives channels of different scales ranges of their own', () => {
    const data = values(100, 2 * 16, (e) => (e < 16 ? random.next() : 1000 * random.next()));
    const { min, max } = certifyInput([1, 2, 4, 4], data, null);
    expect(min.length).toBe(2);
    expect(max[0]).toBeLessThanOrEqual(1);
    expect(max[0]).toBeGreaterThan(0.9);
    expect(max[1]).toBeGreaterThan(900);
  });

  it('does not take what a channel seldom holds for its extremes', () => {
    // As pixels near the border of pictures: nearly always 0, and then anything up to 1.
    const data = values(4000, 2, (e) => (e === 0 ? random.next() : random.next() < 0.001 ? 0.3 : 0));
    const { min, max } = certifyInput([1, 2], data, null);
    for (const channel of [min.length - 1, 0]) {
      expect(min[channel]).toBeCloseTo(0, 2);
      expect(max[channel]).toBeCloseTo(1, 2);
    }
  });

  it('nor the extremes of a few values, nor a value that is always the same', () => {
    const few = values(60, 2, (e) => (e === 0 ? random.next() : random.next() / 2));
    expect(certifyInput([1, 2], few, null).max).toEqual([expect.closeTo(1, 1)]);
    const constant = values(2000, 2, (e) => (e === 0 ? random.next() : 0.5));
    expect(certifyInput([1, 2], constant, null).max).toEqual([expect.closeTo(1, 1)]);
  });

  it('holds everything that bytes can become, channel by channel', () => {
    const dark = values(10, 2 * 4, () => 0);
    const { min, max } = certifyInput([1, 2, 2, 2], dark, PIXELS);
    expect(min).toEqual([-2, -0.5]);
    expect(max).toEqual([2, 1.5]);
  });

  it('sees every sample, and leaves out what is not finite', () => {
    const data = values(500, 1, () => 0.5);
    [data[100], data[499], data[200]] = [-2, 7, Infinity];
    expect(certifyInput([1, 1, 1, 1], data, null)).toEqual({ min: [-2], max: [7] });
  });
});

describe('certifyOutput', () => {
  it('is what both models give, without what ran away', () => {
    const original = Float32Array.of(-1, 0, 3);
    expect(certifyOutput(original, Float32Array.of(-1.5, 3.25))).toEqual({ min: -1.5, max: 3.25 });
    expect(certifyOutput(original, Float32Array.of(-1e30, NaN, 2))).toEqual({ min: -1, max: 3 });
  });
});

describe('withExactValues', () => {
  it('keeps a range that float32 knows', () => {
    expect(withExactValues({ min: -1, max: 3 }, [Float64Array.of(-0.5, 2), Float64Array.of(3)])).toEqual({
      min: -1,
      max: 3,
    });
  });

  it('takes in what float32 has lost: to underflow, or where terms cancel', () => {
    expect(withExactValues({ min: 0, max: 0 }, [Float64Array.of(0, 1e-40), Float64Array.of(-1e-41)])).toEqual(
      {
        min: -1e-41,
        max: 1e-40,
      },
    );
    expect(withExactValues({ min: 0, max: 0.25 }, [Float64Array.of(-0.5), Float64Array.of(-0.5)])).toEqual({
      min: -1,
      max: 0.25,
    });
  });
});
