import { describe, expect, it } from 'vitest';
import { outputForecast } from './noise.ts';
import { wholePrecision } from './whole-precision.ts';

const exact = { maxOutputError: 0, samples: 100 };

describe('wholePrecision', () => {
  it('adds up encryption, rounding and approximation, and tells them apart', () => {
    const output = outputForecast(2 ** -16, 1, 1.25, true);
    // 1.25 · 2^(1 − bits) = 2^-15: its half is as large as the error itself.
    expect(output.rounding).toBe(2 ** -16);
    const alone = wholePrecision([output], [1], exact);
    expect(alone.approximationPrecisionBits).toBeNull();
    expect(alone.encryptionPrecisionBits).toBeCloseTo(16, 1);
    expect(alone.precisionBits).toBeCloseTo(15, 1);
    const rough = wholePrecision([output], [1], { maxOutputError: 1 / 8, samples: 10_000 });
    expect(rough.approximationPrecisionBits).toBeCloseTo(3 - Math.log2(1.02), 6);
    expect(rough.encryptionPrecisionBits).toBe(alone.encryptionPrecisionBits);
    expect(rough.precisionBits).toBeLessThan(rough.approximationPrecisionBits!);
    expect(rough.precisionBits).toBeGreaterThan(2.9);
  });

  it('holds errors of approximation against outputs in the model’s own unit', () => {
    const output = outputForecast(2 ** -20, 1, 1, true);
    const bits = (unit: number, maxOutputError: number): number | null =>
      wholePrecision([output], [unit], { maxOutputError, samples: 100 }).approximationPrecisionBits;
    expect(bits(1024, 1)).toBe(bits(1, 1 / 1024));
  });

  it('expects more of further inputs where few were held out', () => {
    const output = outputForecast(2 ** -20, 1, 1, true);
    const bits = (samples: number): number =>
      wholePrecision([output], [1], { maxOutputError: 0.01, samples }).approximationPrecisionBits!;
    expect(bits(10_000) - bits(16)).toBeCloseTo(Math.log2(1.5 / 1.02), 6);
  });

  it('promises no more than the model’s own float32, and the worst output', () => {
    const fine = outputForecast(2 ** -40, 1, 1, true);
    expect(wholePrecision([fine], [1], exact).encryptionPrecisionBits).toBeCloseTo(22, 3);
    const coarse = outputForecast(2 ** -10, 1, 1, true);
    expect(wholePrecision([fine, coarse], [1, 1], exact)).toEqual(wholePrecision([coarse], [1], exact));
  });
});
