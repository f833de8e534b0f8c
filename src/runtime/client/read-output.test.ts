import { describe, expect, it } from 'vitest';
import type { SignatureOutput } from '../../program/signature.ts';
import { interpretOutputs } from './interpret-outputs.ts';
import { noiseLimitOf, readOutput } from './read-output.ts';

const SLOTS = 16;
/** Three elements in slots 0, 2 and 4 of eight, twice. */
const output = (changes: Partial<SignatureOutput> = {}): SignatureOutput => ({
  name: 'y',
  layout: {
    shape: [1, 3],
    slotCount: SLOTS,
    ciphertexts: 1,
    period: 8,
    positions: Int32Array.of(0, 2, 4),
    format: 'test',
  },
  level: 0,
  scale: 2 ** 30,
  shape: [1, 3],
  clientOperators: [],
  precisionBits: 12,
  bound: 4,
  range: { min: -3, max: 3, emptySlots: 'zero' },
  ...changes,
});
const slots = (at: (slot: number) => number): Float64Array =>
  Float64Array.from({ length: SLOTS }, (_, slot) => at(slot % 8));
const good = slots((slot) => [1, 0, -2, 0, 3][slot] ?? 0);
const refusal = { code: 'OUTPUT_OUT_OF_RANGE' };
const codeOf = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error;
  }
};

describe('readOutput', () => {
  it('reads the elements, with noise in the empty slots', () => {
    const noisy = good.map((value, slot) => value + 1e-3 * Math.sin(slot));
    const read = readOutput(output(), [noisy]);
    [1, -2, 3].forEach((value, e) => expect(read[e]).toBeCloseTo(value, 2));
  });

  it('refuses values in slots that hold none, though the elements look right', () => {
    for (const [slot, value] of [
      [1, 4],
      [15, -0.5],
    ] as const) {
      const spoilt = good.with(slot, value);
      expect(codeOf(() => readOutput(output(), [spoilt]))).toMatchObject(refusal);
      const unspecified = output({ range: { min: -3, max: 3, emptySlots: 'unspecified' } });
      expect(readOutput(unspecified, [spoilt])).toEqual(Float64Array.of(1, -2, 3));
    }
  });

  it('refuses elements that the model cannot give, and says nothing of them', () => {
    const error = codeOf(() => readOutput(output(), [slots((slot) => (slot === 2 ? -6.125 : 0))]));
    expect(error).toMatchObject(refusal);
    expect(String((error as Error).message)).not.toContain('6.1');
    expect(readOutput(output(), [slots((slot) => (slot === 2 ? -6 : 0))])[1]).toBe(-6);
  });

  it('reads an output that is always 0, with the noise that it is certified with', () => {
    const zero = output({ unit: 2 ** 20, bound: 2 ** 20, range: { min: 0, max: 0, emptySlots: 'zero' } });
    const noisy = slots((slot) => 2 ** -9 * (-1) ** slot);
    expect(readOutput(zero, [noisy])[0]).toBe(2 ** 11);
    expect(codeOf(() => readOutput(zero, [noisy.with(2, 2 ** -5)]))).toMatchObject(refusal);
  });

  it('takes exact integers without any tolerance in empty slots', () => {
    const exact = output({ quantisation: { scale: 0.5 }, scale: 1, precisionBits: 53 });
    expect(readOutput(exact, [good])).toEqual(Float64Array.of(0.5, -1, 1.5));
    expect(codeOf(() => readOutput(exact, [good.with(1, 1)]))).toMatchObject(refusal);
  });

  it('reads multiples of a unit, and holds empty slots against noise in it', () => {
    const inUnits = output({
      unit: 2 ** 30,
      bound: 2 ** 32,
      range: { min: -(2 ** 32), max: 2 ** 32, emptySlots: 'zero' },
    });
    expect(readOutput(inUnits, [good])).toEqual(Float64Array.of(2 ** 30, -(2 ** 31), 3 * 2 ** 30));
    expect(codeOf(() => readOutput(inUnits, [good.with(1, 4)]))).toMatchObject(refusal);
  });

  it('checks nothing where an older artifact says nothing', () => {
    const { range: _, ...older } = output();
    expect(readOutput(older, [slots(() => 1e9)])[0]).toBe(1e9);
  });
});

describe('interpretOutputs', () => {
  it('refuses them too, whoever decrypted', () => {
    const signature = { outputs: [output()] } as unknown as Parameters<typeof interpretOutputs>[0];
    expect(interpretOutputs(signature, [Float64Array.of(1, 2, 3)])[0]!.shape).toEqual([1, 3]);
    expect(codeOf(() => interpretOutputs(signature, [Float64Array.of(1, 20, 3)]))).toMatchObject(refusal);
  });
});

describe('noiseLimitOf', () => {
  it('is eight times the certified noise, within what shows a wrapped modulus and what is of no use', () => {
    expect(noiseLimitOf(output({ precisionBits: 6 }))).toBe(4 * 8 * 2 ** -6);
    expect(noiseLimitOf(output({ precisionBits: 30 }))).toBe(4 * 2 ** -7);
    expect(noiseLimitOf(output({ precisionBits: -5 }))).toBe(2);
  });
});
