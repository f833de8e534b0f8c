import { describe, expect, it } from 'vitest';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { CleartextBackend, slotsFromBytes, slotsToBytes } from './cleartext.ts';
import { IntegerBackend, integersToBytes } from './integers.ts';
import { describeBackendContract } from './testing/contract.ts';

describeBackendContract({
  name: 'cleartext',
  parameters: testParameters(16384, [50, 40, 40, 40, 40, 40, 40], 50, 40),
  errorUnit: 0,
  polynomials: [
    ...Array.from({ length: 16 }, (_, i) => ({ degree: i + 1, unitLeading: false })),
    ...[2, 4, 8, 16].map((degree) => ({ degree, unitLeading: true })),
  ],
  make: (parameters) => {
    const primes = parameters.dataPrimes.map(Number);
    return Promise.resolve({
      backend: new CleartextBackend(parameters.polyModulusDegree / 2, primes),
      encrypt: slotsToBytes,
      decrypt: slotsFromBytes,
      liveHandles: () => 0,
      [Symbol.dispose]: () => undefined,
    });
  },
});

describe('cleartext ciphertexts', () => {
  it('survive serialization at any alignment', () => {
    const slots = Float64Array.of(1.5, -2, 3e-9);
    const bytes = new Uint8Array(1 + 24);
    bytes.set(slotsToBytes(slots), 1);
    expect(slotsFromBytes(bytes.subarray(1))).toEqual(slots);
  });

  it('of the wrong length are refused', () => {
    const backend = new CleartextBackend(4, [1]);
    expect(() => backend.load(slotsToBytes(new Float64Array(3)), 0, 1)).toThrow('expected 4 slots, found 3');
  });
});

it('only backends that can refresh do: others refuse the instruction and its keys', () => {
  const instruction = { kind: 'refresh', layer: 'r', input: 0, output: 1, level: 0, ratio: 4 } as const;
  const input = { level: 0, scale: 1, degree: 1 as const, slots: Float64Array.of(0.5, -1) };
  const output = { level: 3, scale: 8 };
  const clear = new CleartextBackend(2, [1, 1, 1, 1]);
  const refreshed = clear.refresh(instruction, input, output);
  expect(refreshed).toMatchObject(output);
  expect(refreshed.slots[0]).toBeCloseTo(Math.SQRT1_2, 12);
  expect(refreshed.slots[1]).toBeCloseTo(-1, 12);
  const integers = new IntegerBackend(2, 4, 65537n);
  const bytes = new Uint8Array(1);
  const integer = integers.load(integersToBytes([1n, 2n]), 0, 1);
  for (const refused of [
    () => void integers.refresh(instruction, integer, output),
    () => integers.loadRefreshKeys({ conjugation: bytes, encapsulation: bytes, decapsulation: bytes }),
  ])
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'PARAMETERS_UNSUPPORTED',
        hint: expect.stringContaining('--backend native') as string,
      }),
    );
});
