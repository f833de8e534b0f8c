import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeError } from '../../../errors.ts';
import { fuzzObjects } from '../testing/fuzz-objects.ts';
import type { ObjectKind, Scheme } from '../testing/untrusted-objects.ts';
import { OBJECT_KINDS, UntrustedObjects } from '../testing/untrusted-objects.ts';

const N = 2048;
const HEADER = 16;
/** Behind the outer header: identifier, form, size, degree, limbs, scale, correction factor. */
const FORM = HEADER + 32;
const [SIZE, DEGREE, LIMBS, SCALE, CORRECTION] = [1, 9, 17, 25, 33].map((offset) => FORM + offset) as [
  number,
  number,
  number,
  number,
  number,
];
/** Header and count of the array of residues. */
const ARRAY = FORM + 41;
const WORDS = ARRAY + HEADER + 8;
/** A switching key: identifier, entries; then of each entry its digits. */
const ENTRIES = HEADER + 32;

function patched(bytes: Uint8Array, patch: (view: DataView) => void): Uint8Array {
  const copy = bytes.slice();
  patch(new DataView(copy.buffer));
  return copy;
}

const word = (at: number, value: bigint) => (bytes: Uint8Array) =>
  patched(bytes, (view) => view.setBigUint64(at, value, true));
const byte = (at: number, value: number) => (bytes: Uint8Array) =>
  patched(bytes, (view) => view.setUint8(at, value));
const real = (at: number, value: number) => (bytes: Uint8Array) =>
  patched(bytes, (view) => view.setFloat64(at, value, true));

/** The array of residues as a compressed object inside of one that is not, which SEAL would unfold. */
function withCompressedArray(bytes: Uint8Array): Uint8Array {
  const size = Number(new DataView(bytes.buffer).getBigUint64(ARRAY + 8, true));
  const packed = deflateSync(bytes.subarray(ARRAY + HEADER, ARRAY + size));
  const result = new Uint8Array([
    ...bytes.subarray(0, ARRAY + HEADER),
    ...packed,
    ...bytes.subarray(ARRAY + size),
  ]);
  const view = new DataView(result.buffer);
  view.setUint8(ARRAY + 5, 1);
  view.setBigUint64(ARRAY + 8, BigInt(HEADER + packed.length), true);
  view.setBigUint64(8, BigInt(result.length), true);
  return result;
}

/** Every field that must have one value, with another one. */
const CIPHERTEXT_CHANGES: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  'nothing at all': () => new Uint8Array(),
  'a header cut short': (bytes) => bytes.slice(0, 15),
  'another mark': byte(0, 0x5f),
  'another length of headers': byte(2, 17),
  'SEAL 3.5': (bytes) => byte(4, 5)(byte(3, 3)(bytes)),
  'SEAL 4.0': byte(4, 0),
  'zlib announced': byte(5, 1),
  'zstd announced': byte(5, 2),
  'an unknown compression': byte(5, 3),
  'reserved bytes': byte(6, 1),
  'a size of nothing': word(8, 0n),
  'a size beyond the end': word(8, 1n << 40n),
  'a byte behind the end': (bytes) => new Uint8Array([...bytes, 0]),
  'the last byte missing': (bytes) => bytes.slice(0, -1),
  'another identifier': byte(HEADER + 5, 1),
  'a form that is neither': byte(FORM, 2),
  'no polynomials': word(SIZE, 0n),
  'three polynomials': word(SIZE, 3n),
  'very many polynomials': word(SIZE, 1n << 62n),
  'another ring': word(DEGREE, BigInt(2 * N)),
  'more primes': word(LIMBS, 3n),
  'no primes': word(LIMBS, 0n),
  'a scale of 0': real(SCALE, 0),
  'a scale that is no number': real(SCALE, NaN),
  'an infinite scale': real(SCALE, Infinity),
  'a negative scale': real(SCALE, -1024),
  'a subnormal scale': real(SCALE, 5e-324),
  'another scale': real(SCALE, 1025),
  'a correction factor': word(CORRECTION, 2n),
  'an array of nothing': word(ARRAY + HEADER, 0n),
  'an array of more': word(ARRAY + HEADER, 1n << 61n),
  'an array that is compressed inside': withCompressedArray,
  'a residue as large as its prime': word(WORDS, 114689n),
  'a residue with its top bit': word(WORDS + 8 * N, 1n << 63n),
};

describe.each(['ckks', 'bfv'] as const)('bytes for node-seal, %s', (scheme: Scheme) => {
  let objects: UntrustedObjects;
  beforeAll(async () => {
    objects = await UntrustedObjects.create(scheme);
  }, 60_000);
  afterAll(() => objects[Symbol.dispose]());

  const refusal = (kind: ObjectKind, bytes: Uint8Array): string => {
    try {
      objects.load(kind, bytes);
    } catch (error) {
      if (!(error instanceof HeError)) throw error;
      expect(error.message).toMatch(/ is not valid: /);
      return error.code;
    }
    return 'nothing thrown';
  };

  it.each(OBJECT_KINDS)('load as they were written: %s', (kind) => {
    for (const bytes of objects.valid[kind]) {
      const saved = objects.load(kind, bytes);
      expect(Buffer.compare(saved, objects.valid[kind].at(-1)!)).toBe(0);
    }
  });

  it.each(OBJECT_KINDS.slice(0, 2))('are refused where a field is wrong: %s', (kind) => {
    const handles = objects.liveHandles;
    for (const bytes of objects.valid[kind]) {
      for (const [what, change] of Object.entries(CIPHERTEXT_CHANGES)) {
        expect(refusal(kind, change(bytes)), what).toBe('CIPHERTEXT_INVALID');
      }
      const other = scheme === 'ckks' ? 0 : 1;
      expect(refusal(kind, byte(FORM, other)(bytes)), 'the other form').toBe('CIPHERTEXT_INVALID');
      // Scales of CKKS differ in the last place between libraries; SEAL takes no other than 1 for BFV.
      const nearly = real(SCALE, (scheme === 'ckks' ? 1024 : 1) * (1 + 2 ** -40))(bytes);
      expect(refusal(kind, nearly)).toBe(scheme === 'ckks' ? 'nothing thrown' : 'CIPHERTEXT_INVALID');
    }
    expect(objects.liveHandles).toBe(handles);
  });

  it('are refused as an object of another kind, or level', () => {
    for (const kind of OBJECT_KINDS) {
      for (const other of OBJECT_KINDS) {
        if (other === kind) continue;
        for (const bytes of objects.valid[other]) {
          expect(refusal(kind, bytes), `${other} as ${kind}`).toMatch(/_INVALID$/);
        }
      }
    }
  });

  it('are refused where a key lists more, fewer or other keys', () => {
    const [key] = objects.valid['rotation key'];
    const element = 3 ** 3 % (2 * N);
    const index = ENTRIES + 8 + (8 * (element - 1)) / 2;
    for (const count of [0n, 1n, BigInt(N - 1), BigInt(N + 1), 1n << 60n]) {
      expect(refusal('rotation key', word(ENTRIES, count)(key!)), `${count} entries`).toBe('KEY_INVALID');
    }
    for (const digits of [0n, 1n, 3n, 1n << 60n]) {
      expect(refusal('rotation key', word(index, digits)(key!)), `${digits} digits`).toBe('KEY_INVALID');
    }
    expect(refusal('rotation key', word(index - 8, 1n << 60n)(key!))).toBe('KEY_INVALID');
    // The digits stand under the entry before: a key for another step.
    const moved = key!.slice();
    moved.copyWithin(index - 8, index, index + 8);
    expect(refusal('rotation key', word(index, 0n)(moved))).toBe('KEY_INVALID');
  });

  it('are refused where a digit or a key has a scale, a seed of an unknown kind, or none of its own', () => {
    const [key] = objects.valid['public key'];
    expect(refusal('public key', real(SCALE, 2)(key!))).toBe('KEY_INVALID');
    expect(refusal('public key', byte(FORM, 0)(key!))).toBe('KEY_INVALID');
    const generator = key!.length - 65;
    expect(key![generator]).toBe(1);
    expect(refusal('public key', byte(generator, 0)(key!))).toBe('KEY_INVALID');
    expect(refusal('public key', byte(generator, 3)(key!))).toBe('KEY_INVALID');
    expect(refusal('public key', byte(generator, 2)(key!))).toBe('nothing thrown');
  });

  it('do no harm, whatever is done to them', { timeout: 120_000 }, async () => {
    const { tally, finding } = await fuzzObjects({ scheme, degree: N, from: 0, count: 1500 });
    expect(finding && { ...finding, bytes: Buffer.from(finding.bytes).toString('base64') }).toBeNull();
    expect(tally.refused).toBeGreaterThan(1000);
    expect(tally.accepted).toBeGreaterThan(20);
    // Neither a length that is believed nor a bomb that is unfolded: the heap stays as it is.
    expect(tally.heapGrowthBytes).toBe(0);
  });
});

describe('the one way in', () => {
  it('is the checked loader: nothing else but test support calls a loader of node-seal', async () => {
    const root = new URL('../../../../', import.meta.url).pathname;
    const callers: string[] = [];
    for await (const file of glob('{src,cli,bench,conformance,scripts,test}/**/*.{ts,js}', { cwd: root })) {
      if (file.includes('/testing/')) continue;
      if (/\.loadFrom(Array|Base64)\b|\[['"`]loadFrom/.test(readFileSync(root + file, 'utf8')))
        callers.push(file);
    }
    expect(callers).toEqual(['src/runtime/backends/seal/checked-loader.ts']);
  });
});
