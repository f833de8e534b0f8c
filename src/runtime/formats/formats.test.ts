import { createHash } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { ArtifactError } from '../../errors.ts';
import type { KeyNeeds } from '../../program/key-needs.ts';
import { seededRandom } from '../../program/testing/random-instructions.ts';
import type { CiphertextSet } from './ciphertext-set.ts';
import { encodeCiphertextSet, parseCiphertextSet, requireTensors } from './ciphertext-set.ts';
import type { ByteStream, Container } from './container.ts';
import { containerChunks, decodeContainer, encodeContainer } from './container.ts';
import type { EvaluationKeys } from './evaluation-keys.ts';
import {
  encodeEvaluationKeys,
  evaluationKeysContainer,
  parseEvaluationKeys,
  readEvaluationKeys,
  requireKeys,
} from './evaluation-keys.ts';
import { newKeySet, requireKeySet } from './origin.ts';
import { encodePublicKey, parsePublicKey } from './public-key.ts';
import { encodeSecretKey, parseSecretKey } from './secret-key.ts';

const DIGEST = 'ab'.repeat(32);
const KEY_SET = '12'.repeat(16);
const ORIGIN = { scheme: 'ckks' as const, parametersDigest: DIGEST, keySet: KEY_SET };
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

const keys: EvaluationKeys = {
  ...ORIGIN,
  rotations: [
    { step: 1, level: 4, bytes: bytes(1, 2, 3) },
    { step: 7, level: 2, bytes: bytes(4) },
  ],
  relinearization: { level: 3, bytes: bytes(9, 9) },
};

const refreshing: EvaluationKeys = {
  ...keys,
  refresh: {
    conjugation: { level: 5, bytes: bytes(6, 6, 6) },
    raise: { level: 8, encapsulation: bytes(7), decapsulation: bytes(8, 8) },
  },
};

const set: CiphertextSet = {
  ...ORIGIN,
  tensors: [
    { name: 'x', level: 3, scale: 1.5e9, ciphertexts: [bytes(1), bytes()] },
    { name: 'y', level: 0, scale: 2 ** 40, ciphertexts: [bytes(2, 3)] },
  ],
};

function stream(file: Uint8Array, size: number): ByteStream {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield bytes();
    for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
  }
  return { length: file.length, pieces: pieces() };
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ArtifactError) return error.code;
    throw error;
  }
  return 'nothing thrown';
}

function hintOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ArtifactError) return error.hint ?? '';
    throw error;
  }
  return 'nothing thrown';
}

/** A container with another header, its checksum right. */
function forged(kind: string, meta: Record<string, unknown>, blobs: readonly Uint8Array[]): Uint8Array {
  return encodeContainer({ kind, meta, blobs } as unknown as Container);
}

describe('containers', () => {
  it('give back keys and ciphertexts', () => {
    expect(parseEvaluationKeys(encodeEvaluationKeys(keys))).toEqual(keys);
    const without = { ...keys, relinearization: null };
    expect(parseEvaluationKeys(encodeEvaluationKeys(without))).toEqual(without);
    const onlyRefresh = { ...refreshing, rotations: [], relinearization: null };
    for (const some of [refreshing, onlyRefresh])
      expect(parseEvaluationKeys(encodeEvaluationKeys(some))).toEqual(some);
    // Of what is not there nothing is said: files are what they were before there were refreshes.
    expect(evaluationKeysContainer(keys).meta).not.toHaveProperty('refreshKeys');
    expect(parseCiphertextSet(encodeCiphertextSet(set))).toEqual(set);
    const key = { ...ORIGIN, bytes: bytes(5, 6) };
    expect(parseSecretKey(encodeSecretKey(key), ORIGIN)).toEqual(key);
    expect(parsePublicKey(encodePublicKey(key), ORIGIN)).toEqual(key);
  });

  it('are the same in pieces and in one', () => {
    const container = evaluationKeysContainer(keys);
    expect(Buffer.concat(containerChunks(container))).toEqual(Buffer.from(encodeContainer(container)));
  });

  it.each([1, 5, 1000])('are read as well in pieces of %i bytes, and hashed on the way', async (size) => {
    const file = encodeEvaluationKeys(refreshing);
    const { keys: found, sha256 } = await readEvaluationKeys(stream(file, size));
    expect(found).toEqual(refreshing);
    expect(sha256).toEqual(createHash('sha256').update(file).digest());
    // Each in a buffer of its own, which can be handed over.
    expect(found.rotations[0]!.bytes.buffer.byteLength).toBe(3);
  });

  it('that end early or late for what was announced are refused', async () => {
    const file = encodeEvaluationKeys(keys);
    const { length } = file;
    for (const [bytes, announced] of [
      [file.subarray(0, length - 1), length],
      [Buffer.concat([file, file]), length],
      [file, length - 1],
      [file, length + 1],
      [file, 5],
      [file.subarray(0, 5), length],
    ] as const) {
      const { pieces } = stream(bytes, 7);
      await expect(readEvaluationKeys({ length: announced, pieces })).rejects.toMatchObject({
        code: 'CONTAINER_INVALID',
      });
    }
  });

  it('never let a secret key pass for something else', () => {
    const file = encodeSecretKey({ ...ORIGIN, bytes: bytes(1) });
    expect(codeOf(() => parseEvaluationKeys(file))).toBe('SECRET_KEY_REFUSED');
    expect(codeOf(() => parseCiphertextSet(file))).toBe('SECRET_KEY_REFUSED');
    expect(codeOf(() => parsePublicKey(file, ORIGIN))).toBe('SECRET_KEY_REFUSED');
    const foreign = { ...ORIGIN, parametersDigest: 'cd'.repeat(32) };
    expect(codeOf(() => parseSecretKey(file, foreign))).toBe('PARAMETERS_MISMATCH');
    expect(codeOf(() => parseSecretKey(file, { ...ORIGIN, scheme: 'cleartext' }))).toBe(
      'PARAMETERS_MISMATCH',
    );
  });

  it('never let other kinds pass for keys, nor a public key for something else', () => {
    const evaluation = encodeEvaluationKeys(keys);
    const file = encodePublicKey({ ...ORIGIN, bytes: bytes(1) });
    expect(codeOf(() => parseSecretKey(evaluation, ORIGIN))).toBe('CONTAINER_KIND');
    expect(codeOf(() => parsePublicKey(evaluation, ORIGIN))).toBe('CONTAINER_KIND');
    expect(codeOf(() => parseSecretKey(file, ORIGIN))).toBe('CONTAINER_KIND');
    expect(codeOf(() => parseEvaluationKeys(file))).toBe('CONTAINER_KIND');
    expect(() => parseCiphertextSet(file)).toThrow('expected ciphertexts, found a public key');
    const foreign = { ...ORIGIN, parametersDigest: 'cd'.repeat(32) };
    expect(codeOf(() => parsePublicKey(file, foreign))).toBe('PARAMETERS_MISMATCH');
  });

  it('refuse headers that hold more than their length lets expect, unparsed', () => {
    const parse = vi.spyOn(JSON, 'parse');
    const withHeader = (text: string): Uint8Array => {
      const head = Buffer.alloc(12);
      head.write('HECT');
      head.writeUInt32LE(3, 4);
      head.writeUInt32LE(text.length, 8);
      const body = Buffer.concat([head, Buffer.from(text)]);
      return Buffer.concat([body, createHash('sha256').update(body).digest()]);
    };
    const refusal = (text: string): string => {
      try {
        parseEvaluationKeys(withHeader(text));
      } catch (error) {
        return (error as Error).message;
      }
      return 'nothing thrown';
    };
    expect(refusal('['.repeat(1e5) + ']'.repeat(1e5))).toContain('nested too deeply');
    expect(refusal(`[${'0,'.repeat(2 ** 21)}0]`)).toContain('too many values');
    expect(parse).not.toHaveBeenCalled();
    parse.mockRestore();
    expect(refusal('{')).toContain('not JSON');
  });

  it('refuse headers that lie, even under a right checksum', () => {
    const meta = evaluationKeysContainer(keys).meta;
    const blobs = [bytes(1), bytes(2), bytes(3)];
    const parse = (change: Record<string, unknown>): string =>
      codeOf(() => parseEvaluationKeys(forged('evaluation-keys', { ...meta, ...change }, blobs)));
    expect(parse({})).toBe('nothing thrown');
    const steps = (...list: unknown[]): string =>
      parse({ rotations: list.map((step) => ({ step, level: 1 })) });
    expect(steps(1)).toBe('CONTAINER_INVALID');
    expect(steps(7, 1)).toBe('CONTAINER_INVALID');
    expect(steps(0, 1)).toBe('CONTAINER_INVALID');
    expect(steps(1, '2')).toBe('CONTAINER_INVALID');
    expect(steps(1, 2)).toBe('nothing thrown');
    expect(parse({ rotations: [1, 2] })).toBe('CONTAINER_INVALID');
    expect(parse({ rotations: [{ step: 1, level: -1 }, { step: 2 }] })).toBe('CONTAINER_INVALID');
    expect(parse({ relinearizationLevel: 1.5 })).toBe('CONTAINER_INVALID');
    expect(parse({ relinearizationLevel: null })).toBe('CONTAINER_INVALID');
    const levels = { conjugationLevel: 1, raiseLevel: 2 };
    expect(parse({ refreshKeys: levels })).toBe('CONTAINER_INVALID');
    const refresh = (refreshKeys: unknown): string =>
      parse({ rotations: [], relinearizationLevel: null, refreshKeys });
    expect(refresh(levels)).toBe('nothing thrown');
    for (const wrong of [
      null,
      7,
      [],
      {},
      { ...levels, raiseLevel: -1 },
      { ...levels, conjugationLevel: '1' },
    ])
      expect(refresh(wrong)).toBe('CONTAINER_INVALID');
    expect(parse({ scheme: 'other' })).toBe('CONTAINER_INVALID');
    expect(parse({ parametersDigest: 'zz' })).toBe('CONTAINER_INVALID');
    for (const keySet of [
      undefined,
      null,
      7,
      '',
      '12'.repeat(15),
      'AB'.repeat(16),
      `${KEY_SET}\n`,
      [KEY_SET],
    ]) {
      expect(parse({ keySet })).toBe('CONTAINER_INVALID');
    }
    expect(parse({ scheme: 'cleartext' })).toBe('CONTAINER_INVALID');
    expect(parse({ scheme: 'cleartext', keySet: null })).toBe('nothing thrown');
    expect(codeOf(() => decodeContainer(forged('unheard-of', {}, []), 'ciphertexts'))).toBe('CONTAINER_KIND');
    const tensors = [{ name: 'x', level: 1, scale: 0, ciphertexts: 1 }];
    const parseKey = (change: Record<string, unknown>, ...keyBlobs: Uint8Array[]): string =>
      codeOf(() => parsePublicKey(forged('public-key', { ...ORIGIN, ...change }, keyBlobs), ORIGIN));
    expect(parseKey({}, bytes(1))).toBe('nothing thrown');
    expect(parseKey({})).toBe('CONTAINER_INVALID');
    expect(parseKey({}, bytes(1), bytes(2))).toBe('CONTAINER_INVALID');
    expect(parseKey({ parametersDigest: 7 }, bytes(1))).toBe('CONTAINER_INVALID');
    const sets = forged('ciphertexts', { ...meta, tensors }, [bytes(1)]);
    expect(codeOf(() => parseCiphertextSet(sets))).toBe('CONTAINER_INVALID');
  });

  it('refuse versions past and to come by name', () => {
    const file = encodeCiphertextSet(set);
    const hints = {
      1: 'make keys and ciphertexts again',
      2: 'make keys and ciphertexts again',
      4: 'update this one',
    };
    for (const [version, hint] of Object.entries(hints)) {
      file[4] = Number(version);
      expect(codeOf(() => parseCiphertextSet(file))).toBe('CONTAINER_VERSION');
      expect(hintOf(() => parseCiphertextSet(file))).toContain(hint);
    }
  });

  it.each([
    ['evaluation keys', encodeEvaluationKeys(keys), parseEvaluationKeys],
    ['keys of refreshes', encodeEvaluationKeys(refreshing), parseEvaluationKeys],
    [
      'a public key',
      encodePublicKey({ ...ORIGIN, bytes: bytes(5, 6, 7) }),
      (file: Uint8Array): unknown => parsePublicKey(file, ORIGIN),
    ],
  ])(
    'survive mutation: every damaged file of %s is refused with an ArtifactError',
    async (_, original, parse) => {
      const random = seededRandom(42);
      for (let round = 0; round < 600; round++) {
        let file = original.slice();
        const at = Math.floor(random() * file.length);
        switch (round % 4) {
          case 0:
            file[at]! ^= 1 << Math.floor(random() * 8);
            break;
          case 1:
            file = file.slice(0, at);
            break;
          case 2:
            file = Buffer.concat([
              file.subarray(0, at),
              bytes(Math.floor(random() * 256)),
              file.subarray(at),
            ]);
            break;
          default:
            file.copyWithin(at, Math.floor(random() * file.length), file.length);
            file[Math.floor(random() * file.length)]! ^= 0x55;
        }
        if (Buffer.compare(file, original) === 0) continue;
        const code = codeOf(() => parse(file));
        expect(code).toMatch(/^CONTAINER_/);
        if (parse === parseEvaluationKeys)
          await expect(readEvaluationKeys(stream(file, 9))).rejects.toMatchObject({ code });
      }
    },
  );
});

describe('key sets', () => {
  it('are 128 bits, new each time', () => {
    expect(newKeySet()).toMatch(/^[0-9a-f]{32}$/);
    expect(newKeySet()).not.toBe(newKeySet());
  });

  it('must be the same where ciphertexts meet a key', () => {
    const other = { ...ORIGIN, keySet: '34'.repeat(16) };
    expect(codeOf(() => requireKeySet(set, keys, 'the key'))).toBe('nothing thrown');
    expect(codeOf(() => requireKeySet(set, other, 'the key'))).toBe('KEY_SET_MISMATCH');
    expect(codeOf(() => requireKeySet({ ...set, keySet: null }, keys, 'the key'))).toBe('KEY_SET_MISMATCH');
  });
});

describe('checks against a program', () => {
  const setting = { scheme: 'ckks' as const, parametersDigest: DIGEST };
  const needed = {
    rotationKeys: [
      { step: 1, level: 3 },
      { step: 7, level: 2 },
    ],
    relinearizationLevel: 3,
  };

  it('find missing and foreign keys, and those of too low a level', () => {
    const check = (change: Partial<KeyNeeds>, found: EvaluationKeys = keys): string =>
      codeOf(() => requireKeys(found, setting, { ...needed, ...change }));
    expect(check({})).toBe('nothing thrown');
    expect(check({ rotationKeys: [{ step: 2, level: 0 }] })).toBe('KEY_MISSING');
    expect(check({ rotationKeys: [{ step: 7, level: 3 }] })).toBe('KEY_MISSING');
    expect(check({ relinearizationLevel: 4 })).toBe('KEY_MISSING');
    expect(check({}, { ...keys, relinearization: null })).toBe('KEY_MISSING');
    expect(check({ relinearizationLevel: null }, { ...keys, relinearization: null })).toBe('nothing thrown');
    const refreshKeys = { conjugationLevel: 5, raiseLevel: 8 };
    expect(check({ refreshKeys }, refreshing)).toBe('nothing thrown');
    expect(check({}, refreshing)).toBe('nothing thrown');
    expect(check({ refreshKeys })).toBe('KEY_MISSING');
    expect(check({ refreshKeys: { ...refreshKeys, conjugationLevel: 6 } }, refreshing)).toBe('KEY_MISSING');
    expect(check({ refreshKeys: { ...refreshKeys, conjugationLevel: 4 } }, refreshing)).toBe(
      'nothing thrown',
    );
    // The modulus is raised to the level of the key, whatever is asked for.
    for (const raiseLevel of [7, 9])
      expect(check({ refreshKeys: { ...refreshKeys, raiseLevel } }, refreshing)).toBe('KEY_MISSING');
    for (const other of [{ parametersDigest: 'x' }, { scheme: 'cleartext' as const }]) {
      expect(codeOf(() => requireKeys(keys, { ...setting, ...other }, needed))).toBe('PARAMETERS_MISMATCH');
    }
  });

  it('find ciphertexts of another shape, level, scale or scheme', () => {
    const expected = set.tensors.map((tensor) => ({ ...tensor, ciphertexts: tensor.ciphertexts.length }));
    const [first, second] = expected;
    const code = (tensors: typeof expected, scheme: 'ckks' | 'cleartext' = 'ckks'): string =>
      codeOf(() => requireTensors(set, { scheme, parametersDigest: DIGEST }, tensors));
    expect(code(expected)).toBe('nothing thrown');
    expect(code([first!])).toBe('CIPHERTEXT_MISMATCH');
    expect(code([first!, { ...second!, scale: 2 ** 40 + 1 }])).toBe('CIPHERTEXT_MISMATCH');
    expect(code([first!, { ...second!, ciphertexts: 2 }])).toBe('CIPHERTEXT_MISMATCH');
    expect(code(expected, 'cleartext')).toBe('PARAMETERS_MISMATCH');
  });
});
