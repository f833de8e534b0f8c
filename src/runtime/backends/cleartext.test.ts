import { describe, expect, it } from 'vitest';
import { testParameters } from '../../program/testing/test-parameters.ts';
import { CleartextBackend, slotsFromBytes, slotsToBytes } from './cleartext.ts';
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
