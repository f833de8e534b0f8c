/** Key files and ciphertext files out of chunks, one or several: whole, of one origin, and no larger than they can be. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealCiphertextBytes } from '../../../program/memory-model.ts';
import { fileKeyBytes } from '../../../program/native-keys.ts';
import { ProgramBuilder } from '../../../program/testing/program-builder.ts';
import { signatureOf } from '../../../program/testing/signature-of.ts';
import { smallArtifact } from '../../../program/testing/small-artifact.ts';
import type { CiphertextSet } from '../../../runtime/formats/ciphertext-set.ts';
import { encodeCiphertextSet } from '../../../runtime/formats/ciphertext-set.ts';
import type { EvaluationKeys } from '../../../runtime/formats/evaluation-keys.ts';
import { encodeEvaluationKeys } from '../../../runtime/formats/evaluation-keys.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { FileBlobStore } from '../../storage/file-blob-store.ts';
import { settingOf } from '../key-needs.ts';
import type { FileOfChunks } from './process-protocol.ts';
import { readInputs, readKeys } from './read-containers.ts';

const small = smallArtifact();
const KEY_SET = '12'.repeat(16);
const OTHER = '34'.repeat(16);

/** A program of two inputs, by name in another order than by use, and keys for rotations by one and two. */
function artifactOfTwo() {
  const builder = new ProgramBuilder(small.parameters);
  const [x, y] = [builder.input(1), builder.input(1)];
  const program = builder.build([builder.product(x, y)]);
  const inputs = program.inputs.map((input, index) => ({ ...input, name: index === 0 ? 'z' : 'a' }));
  const rotationKeys = [1, 2].map((step) => ({ step, level: 3 }));
  const named = { ...program, inputs, rotationKeys };
  return { ...small, program: named, signature: signatureOf(named, small.parameters) };
}
const artifact = artifactOfTwo();
const ORIGIN = { ...settingOf(artifact), keySet: KEY_SET };

let folder: string;
let blobs: FileBlobStore;
let next = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-read-'));
  blobs = await FileBlobStore.open(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Stored in two chunks. */
async function stored(bytes: Uint8Array, sha256: string | null = sha256Of(bytes)): Promise<FileOfChunks> {
  const name = `f${next++}`;
  const half = bytes.length >> 1;
  await blobs.put(`${name}/0`, [bytes.subarray(0, half)]);
  await blobs.put(`${name}/1`, [bytes.subarray(half)]);
  return { chunks: [`${name}/0`, `${name}/1`], sha256 };
}

const key = (step: number, bytes = 3, level = 3) => ({
  step,
  level,
  bytes: new Uint8Array(bytes).fill(step),
});
const REFRESH = {
  conjugation: { level: 3, bytes: new Uint8Array(5) },
  raise: { level: 3, encapsulation: new Uint8Array(5), decapsulation: new Uint8Array(5) },
};
const RELINEARIZATION = { level: 3, bytes: new Uint8Array(5) };

function keyFile(change: Partial<EvaluationKeys>): Promise<FileOfChunks> {
  return stored(encodeEvaluationKeys({ ...ORIGIN, rotations: [], relinearization: null, ...change }));
}

describe('evaluation keys', () => {
  const read = async (...files: Promise<FileOfChunks>[]) =>
    readKeys(blobs, await Promise.all(files), artifact);

  it('of one file or of several are one set, ascending by step', async () => {
    const whole = await read(keyFile({ rotations: [key(1), key(2)], relinearization: RELINEARIZATION }));
    expect(whole).toEqual({ ...ORIGIN, rotations: [key(1), key(2)], relinearization: RELINEARIZATION });
    const parts = [
      keyFile({ rotations: [key(2)] }),
      keyFile({ relinearization: RELINEARIZATION }),
      keyFile({ rotations: [key(1)] }),
    ];
    expect(await read(...parts)).toEqual(whole);
    const withRefresh = { ...whole, refresh: REFRESH };
    expect(await read(...parts, keyFile({ refresh: REFRESH }))).toEqual(withRefresh);
    const single = await stored(encodeEvaluationKeys(whole));
    const joined = await blobs.get(single.chunks[0]!);
    await blobs.put('one', [joined, await blobs.get(single.chunks[1]!)]);
    expect(await readKeys(blobs, [{ chunks: ['one'], sha256: single.sha256 }], artifact)).toEqual(whole);
  });

  it.each<[string, Partial<EvaluationKeys>]>([
    ['another key pair', { keySet: OTHER }],
    ['other parameters', { parametersDigest: 'ab'.repeat(32) }],
    ['another scheme', { scheme: 'bfv' }],
    ['a step that another has', { rotations: [key(1)] }],
    ['a second relinearization key', { relinearization: RELINEARIZATION }],
    ['second keys of refreshes', { refresh: REFRESH }],
  ])('do not belong together with %s', async (_what, change) => {
    const rotations = [key(1), key(2)];
    const first = keyFile({ rotations, relinearization: RELINEARIZATION, refresh: REFRESH });
    await expect(read(first, keyFile(change))).rejects.toMatchObject({
      code: 'KEY_INVALID',
      message: 'the key files do not belong together',
    });
  });

  it('are all that the model needs, of its parameters', async () => {
    await expect(read()).rejects.toMatchObject({
      code: 'KEY_INVALID',
      message: 'there are no evaluation keys',
    });
    await expect(read(keyFile({ rotations: [key(1), key(2)] }))).rejects.toMatchObject({
      code: 'KEY_MISSING',
    });
    await expect(
      read(keyFile({ rotations: [key(1)], relinearization: RELINEARIZATION })),
    ).rejects.toMatchObject({ code: 'KEY_MISSING' });
    const foreign = { parametersDigest: 'ab'.repeat(32), rotations: [key(1), key(2)] };
    await expect(read(keyFile({ ...foreign, relinearization: RELINEARIZATION }))).rejects.toMatchObject({
      code: 'PARAMETERS_MISMATCH',
    });
  });

  it('are no larger than keys of their level can be', async () => {
    const most = (level: number): number => fileKeyBytes(artifact.parameters, level) + 4096;
    const of = (bytes: number, level: number) =>
      read(keyFile({ rotations: [key(1), key(2), key(3, bytes, level)], relinearization: RELINEARIZATION }));
    for (const level of [0, 3]) {
      expect((await of(most(level), level)).rotations).toHaveLength(3);
      await expect(of(most(level) + 1, level)).rejects.toMatchObject({
        code: 'KEY_INVALID',
        message: `a key of ${most(level) + 1} bytes, these parameters allow ${most(level)}`,
      });
    }
    // Of a level above the chain: those of its top.
    await expect(of(most(3) + 1, 9)).rejects.toMatchObject({ code: 'KEY_INVALID' });
    const relinearization = { level: 3, bytes: new Uint8Array(most(3) + 1) };
    await expect(read(keyFile({ rotations: [key(1), key(2)], relinearization }))).rejects.toMatchObject({
      code: 'KEY_INVALID',
    });
  });

  it('have the digest that was announced', async () => {
    const bytes = encodeEvaluationKeys({
      ...ORIGIN,
      rotations: [key(1), key(2)],
      relinearization: RELINEARIZATION,
    });
    await expect(read(stored(bytes, 'ab'.repeat(32)))).rejects.toMatchObject({
      code: 'KEY_INVALID',
      message: 'a file does not have the SHA-256 that was announced',
    });
    expect((await read(stored(bytes, null))).rotations).toHaveLength(2);
  });
});

describe('ciphertexts', () => {
  const tensor = (name: string, bytes = 4) => ({
    name,
    level: 3,
    scale: 2 ** 30,
    ciphertexts: [Buffer.alloc(bytes)],
  });
  const file = (tensors: CiphertextSet['tensors'], keySet = KEY_SET) =>
    stored(encodeCiphertextSet({ ...ORIGIN, keySet, tensors }));
  const read = async (...files: Promise<FileOfChunks>[]) =>
    readInputs(blobs, await Promise.all(files), artifact);

  it('of one file or of several stand in the order of the model’s inputs', async () => {
    const expected = { ...ORIGIN, tensors: [tensor('z'), tensor('a')] };
    expect(await read(file([tensor('a'), tensor('z')]))).toEqual(expected);
    expect(await read(file([tensor('a')]), file([tensor('z')]))).toEqual(expected);
  });

  it('are of one key pair, and all that the model takes', async () => {
    await expect(read()).rejects.toMatchObject({
      code: 'CIPHERTEXT_INVALID',
      message: 'there are no ciphertexts',
    });
    await expect(read(file([tensor('a')]), file([tensor('z')], OTHER))).rejects.toMatchObject({
      code: 'KEY_SET_MISMATCH',
    });
    await expect(read(file([tensor('a')]))).rejects.toMatchObject({ code: 'CIPHERTEXT_MISMATCH' });
    await expect(read(file([tensor('a'), tensor('other')]))).rejects.toMatchObject({
      code: 'CIPHERTEXT_MISMATCH',
    });
  });

  it('are no larger than ciphertexts of their level can be', async () => {
    const most = sealCiphertextBytes(artifact.parameters, 3) + 4096;
    expect((await read(file([tensor('a', most), tensor('z')]))).tensors).toHaveLength(2);
    await expect(read(file([tensor('a', most + 1), tensor('z')]))).rejects.toMatchObject({
      code: 'CIPHERTEXT_INVALID',
      message: `a ciphertext is larger than the ${most} bytes it can have`,
    });
  });
});
