import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture } from '../testing/served-model.ts';
import { Vault } from '../vault/vault.ts';
import { signatureDigest } from './key-record.ts';
import type { StoredKeySet } from './key-store.ts';
import { KeyStore } from './key-store.ts';

let model: TestModel;
beforeAll(async () => {
  model = await compileFixture('digits-square');
});
afterAll(() => model[Symbol.asyncDispose]());

let folder: string;
let vault: Vault;
let store: KeyStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-keys-'));
  vault = await Vault.open(folder, { kind: 'key-file', path: join(folder, 'k') });
  store = await KeyStore.open(vault);
});
afterEach(async () => {
  vault[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Keys that are none, but are stored like others. */
function create(clientId: string, digit: string, batchSize = 1): Promise<StoredKeySet> {
  const bytes = Buffer.from(`key ${digit}`);
  const rotations = [{ step: 1, level: 1, bytes }];
  return store.create({
    clientId,
    signature: model.artifact.signature,
    batchSize,
    algorithmId: 'a',
    secretKey: Buffer.from(`secret ${digit}`),
    publicKey: bytes,
    evaluationKeys: {
      scheme: 'ckks',
      parametersDigest: '0'.repeat(64),
      keySet: digit.repeat(32),
      rotations,
      relinearization: null,
    },
  });
}

describe('KeyStore', () => {
  it('finds key sets by client, name, model and signature, the newest first', async () => {
    await create('a', '1');
    await create('a', '2', 4);
    await create('b', '3');
    const { signature } = model.artifact;
    const find = async (choice: Parameters<KeyStore['find']>[0]): Promise<string | undefined> =>
      (await store.find(choice))?.record.key_set[0];
    expect((await store.list()).length).toBe(3);
    expect(await find({ clientId: 'a' })).toBe('2');
    expect(await find({ clientId: 'a', keySet: '1'.repeat(32) })).toBe('1');
    expect(await find({ clientId: 'a', signatureSha256: signatureDigest(signature, 1) })).toBe('1');
    expect(await find({ clientId: 'b', keySet: '1'.repeat(32) })).toBeUndefined();
    expect(await find({ clientId: 'a', model: 'other' })).toBeUndefined();
    await expect(store.get({ clientId: 'c' })).rejects.toMatchObject({ code: 'ERROR_UNKNOWN_KEY' });
  });

  it('gives back signature and secret key as they were', async () => {
    await create('a', '1');
    const again = await (await KeyStore.open(vault)).get({ clientId: 'a' });
    expect(again.signature).toEqual(model.artifact.signature);
    expect(Buffer.from(await store.secretKey(again)).toString()).toBe('secret 1');
    const files = await readdir(again.folder);
    for (const file of files)
      expect((await readFile(join(again.folder, file))).includes('secret')).toBe(false);
  });

  it('notices key sets that were exchanged or changed', async () => {
    const first = await create('a', '1');
    const second = await create('a', '2');
    await rename(join(first.folder, 'secret-key.sealed'), join(second.folder, 'secret-key.sealed'));
    await expect(store.secretKey(second)).rejects.toMatchObject({ code: 'ERROR_KEYSTORE_LOCKED' });
    await expect(store.secretKey(first)).rejects.toMatchObject({ code: 'ERROR_KEYSTORE_LOCKED' });
    await rename(join(first.folder, 'key-set.sealed'), join(second.folder, 'key-set.sealed'));
    await expect(store.list()).rejects.toMatchObject({ code: 'ERROR_KEYSTORE_LOCKED' });
  });

  it('deletes all of a key set', async () => {
    await create('a', '1');
    await store.delete('a', '1'.repeat(32));
    expect(await store.list()).toEqual([]);
    expect(await readdir(join(folder, 'keys', 'a'))).toEqual([]);
  });

  it('takes no notice of what a crash has left, and removes it once it is old', async () => {
    const leftover = join(folder, 'keys', 'a', '.new-x');
    await mkdir(leftover, { recursive: true });
    await writeFile(join(leftover, 'secret-key.sealed'), 'half');
    expect(await (await KeyStore.open(vault)).list()).toEqual([]);
    expect(await readdir(join(folder, 'keys', 'a'))).toEqual(['.new-x']);
    await utimes(leftover, 1, 1);
    await KeyStore.open(vault);
    expect(await readdir(join(folder, 'keys', 'a'))).toEqual([]);
  });
});
