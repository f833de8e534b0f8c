/** Encrypted by many, added up by one who can open nothing, opened by another. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { totalBits } from '../../program/primes.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import { seededRandom } from '../../program/testing/random-instructions.ts';
import { SumDecryptor } from '../client/sum-decryptor.ts';
import { CiphertextSum } from './ciphertext-sum.ts';
import { MOST_SUMMANDS, noiseRoomBits, SUM_ELEMENTS, sumNoiseBits, sumParameters } from './sum-parameters.ts';
import { VectorEncryption } from './vector-encryption.ts';

let decryptor: SumDecryptor;
let participant: VectorEncryption;
let adder: CiphertextSum;
beforeAll(async () => {
  decryptor = await SumDecryptor.open(null);
  participant = await VectorEncryption.open(decryptor.makePublicKey());
  adder = await CiphertextSum.open();
});
afterAll(() => {
  for (const each of [adder, participant, decryptor]) each[Symbol.dispose]();
});

function vector(seed: number, length: number, reach: number): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length }, () => Math.round((2 * random() - 1) * reach));
}

describe('encrypted sums', () => {
  it.each([SUM_ELEMENTS, 1, 4095])('of %i elements are the sums, exactly', (length) => {
    const vectors = Array.from({ length: 12 }, (_, i) => vector(i, length, 1.7e8));
    const sum = vectors.map((each) => participant.encrypt(each)).reduce((a, b) => adder.add(a, b));
    const plain = vectors.reduce((a, b) => a.map((value, i) => value + b[i]!));
    expect(decryptor.open(sum, length)).toEqual(plain);
  });

  it('reach from the least to the largest number of 32 bits, and no further', () => {
    const half = participant.encrypt(Int32Array.of(2 ** 30, -(2 ** 30), 2 ** 30));
    const rest = participant.encrypt(Int32Array.of(2 ** 30 - 1, -(2 ** 30), 5));
    const sum = adder.add(half, rest);
    expect(decryptor.open(sum, 3)).toEqual(Int32Array.of(2 ** 31 - 1, -(2 ** 31), 2 ** 30 + 5));
    const one = participant.encrypt(Int32Array.of(1));
    expect(() => decryptor.open(adder.add(sum, one), 3)).toThrow('does not fit into 32 bits');
  });

  it('of as many as there may be stay far from what noise would spoil', () => {
    // A sum doubled over and over has noise that grows as its factor does: 2^13 of one ciphertext make more than 2^26 / 2^13 of fresh ones.
    expect(sumNoiseBits(MOST_SUMMANDS) + 6).toBeLessThan(noiseRoomBits());
    let sum = participant.encrypt(Int32Array.of(3, -7));
    for (let doubled = 0; doubled < 13; doubled++) sum = adder.add(sum, sum);
    expect(decryptor.open(sum, 3)).toEqual(Int32Array.of(3 * 2 ** 13, -7 * 2 ** 13, 0));
  });

  it('are under parameters of 128 bits', () => {
    const { dataPrimes, specialPrimes, polyModulusDegree } = sumParameters();
    expect(totalBits([...dataPrimes, ...specialPrimes])).toBeLessThanOrEqual(
      maxLogQP(polyModulusDegree, 128),
    );
  });

  it('take 16 bytes an element', () => {
    const bytes = participant.encrypt(vector(1, SUM_ELEMENTS, 1000)).length;
    expect(bytes / SUM_ELEMENTS).toBeGreaterThan(16);
    expect(bytes / SUM_ELEMENTS).toBeLessThan(16.1);
  });

  it('refuse bytes that are no ciphertexts, and keys that are none', async () => {
    const good = participant.encrypt(Int32Array.of(1));
    const live = adder.liveHandles;
    for (const bad of [good.slice(0, -1), new Uint8Array(0), new Uint8Array(good.length)]) {
      expect(() => adder.add(good, bad)).toThrow(expect.objectContaining({ code: 'CIPHERTEXT_INVALID' }));
      expect(() => adder.add(bad, good)).toThrow(expect.objectContaining({ code: 'CIPHERTEXT_INVALID' }));
      expect(() => decryptor.open(bad, 1)).toThrow(expect.objectContaining({ code: 'CIPHERTEXT_INVALID' }));
    }
    expect(adder.liveHandles).toBe(live);
    await expect(VectorEncryption.open(good)).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });

  it('are opened by the key that was kept, and by no other', async () => {
    const sum = participant.encrypt(Int32Array.of(41));
    using again = await SumDecryptor.open(decryptor.saveSecretKey());
    expect(again.open(sum, 1)).toEqual(Int32Array.of(41));
    using other = await SumDecryptor.open(null);
    expect(() => other.open(sum, 1)).toThrow();
  });
});
