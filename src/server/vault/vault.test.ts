import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Unlocking } from './master-key.ts';
import { createPrivate, readPrivate, writePrivate } from './private-files.ts';
import { openBytes, sealBytes } from './sealed-bytes.ts';
import { Vault } from './vault.ts';

const LOCKED = { code: 'ERROR_KEYSTORE_LOCKED' };
const SECRET = Buffer.from('the secret of the test, long enough to be searched for');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-vault-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function passphrase(text: string): Unlocking {
  return { kind: 'passphrase', passphrase: text };
}

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

describe('sealed bytes', () => {
  const master = Buffer.alloc(32, 7);

  it('open for the purpose they were sealed for, and for no other', () => {
    const sealed = sealBytes(master, 'a', SECRET);
    expect(openBytes(master, 'a', sealed)).toEqual(SECRET);
    expect(sealed.includes(SECRET)).toBe(false);
    expect(() => openBytes(master, 'b', sealed)).toThrow(expect.objectContaining(LOCKED));
    expect(() => openBytes(Buffer.alloc(32, 8), 'a', sealed)).toThrow(expect.objectContaining(LOCKED));
  });

  it('do not open if any single bit was changed, or the end was cut off', () => {
    const sealed = sealBytes(master, 'a', Buffer.from('short'));
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => openBytes(master, 'a', changed), `bit ${bit}`).toThrow(expect.objectContaining(LOCKED));
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => openBytes(master, 'a', sealed.subarray(0, length))).toThrow(
        expect.objectContaining(LOCKED),
      );
    }
  });

  it('never look the same twice', () => {
    expect(sealBytes(master, 'a', SECRET)).not.toEqual(sealBytes(master, 'a', SECRET));
  });
});

describe('a vault', () => {
  it('keeps files that only the passphrase opens', async () => {
    const file = join(folder, 'x.sealed');
    {
      using vault = await Vault.open(folder, passphrase('correct horse'));
      await vault.write(file, 'x', SECRET);
    }
    expect((await readFile(file)).includes(SECRET)).toBe(false);
    using again = await Vault.open(folder, passphrase('correct horse'));
    expect(await again.read(file, 'x')).toEqual(SECRET);
    await expect(Vault.open(folder, passphrase('wrong horse'))).rejects.toMatchObject(LOCKED);
    await expect(Vault.open(folder, { kind: 'key-file', path: join(folder, 'k') })).rejects.toMatchObject(
      LOCKED,
    );
  });

  it('takes a passphrase however its characters are composed', async () => {
    (await Vault.open(folder, passphrase('Z\u00fcrich 1')))[Symbol.dispose]();
    (await Vault.open(folder, passphrase('Zu\u0308rich 1')))[Symbol.dispose]();
  });

  it('refuses a passphrase that is too short to begin with', async () => {
    await expect(Vault.open(folder, passphrase('short'))).rejects.toMatchObject(LOCKED);
    expect(await readdir(folder)).toEqual([]);
  });

  it('makes a key file for its owner only, and refuses one that others may read', async () => {
    const key = join(folder, 'config', 'vault.key');
    const unlocking: Unlocking = { kind: 'key-file', path: key };
    (await Vault.open(join(folder, 'vault'), unlocking))[Symbol.dispose]();
    expect(await modeOf(key)).toBe('600');
    expect(await modeOf(join(folder, 'vault'))).toBe('700');
    expect(await modeOf(join(folder, 'vault', 'vault.json'))).toBe('600');
    await chmod(key, 0o640);
    await expect(Vault.open(join(folder, 'vault'), unlocking)).rejects.toMatchObject(LOCKED);
    await chmod(key, 0o600);
    await writeFile(key, Buffer.alloc(32, 1));
    await expect(Vault.open(join(folder, 'vault'), unlocking)).rejects.toMatchObject(LOCKED);
    await rm(key);
    await expect(Vault.open(join(folder, 'vault'), unlocking)).rejects.toMatchObject(LOCKED);
  });

  it('does not open a file that was put in the place of another', async () => {
    using vault = await Vault.open(folder, passphrase('correct horse'));
    await vault.write(join(folder, 'a'), 'a', SECRET);
    await rename(join(folder, 'a'), join(folder, 'b'));
    await expect(vault.read(join(folder, 'b'), 'b')).rejects.toMatchObject(LOCKED);
    expect(await vault.read(join(folder, 'a'), 'a')).toBeNull();
  });

  it('is one vault, even if several processes make it at once', async () => {
    const unlocking: Unlocking = { kind: 'key-file', path: join(folder, 'k', 'vault.key') };
    const vaults = await Promise.all(
      Array.from({ length: 6 }, () => Vault.open(join(folder, 'v'), unlocking)),
    );
    await vaults[0]!.write(join(folder, 'f'), 'f', SECRET);
    for (const vault of vaults) expect(await vault.read(join(folder, 'f'), 'f')).toEqual(SECRET);
  });

  it.each([
    ['cheap to guess', { cost: 2 }],
    ['exhausting', { cost: 2 ** 40 }],
    ['of another kind', { kdf: 'md5' }],
  ])('refuses a description that is %s', async (_what, change) => {
    const made = {
      kind: 'passphrase',
      kdf: 'scrypt',
      cost: 2 ** 17,
      blockSize: 8,
      parallelization: 1,
      salt: '00'.repeat(32),
    };
    const document = {
      format: 'he-compile-vault',
      version: 1,
      protection: { ...made, ...change },
      check: 'AAAA',
    };
    await writePrivate(join(folder, 'vault.json'), Buffer.from(JSON.stringify(document)));
    const opening = Vault.open(folder, passphrase('correct horse'));
    await expect(opening).rejects.toMatchObject({
      ...LOCKED,
      message: expect.stringContaining('damaged') as string,
    });
  });
});

describe('private files', () => {
  it('appear whole, for their owner, and leave nothing else behind', async () => {
    const path = join(folder, 'f');
    await writePrivate(path, [Buffer.from('a'), Buffer.from('b')]);
    expect(await readFile(path, 'utf8')).toBe('ab');
    expect(await modeOf(path)).toBe('600');
    await mkdir(join(folder, 'd'));
    await expect(writePrivate(join(folder, 'd'), Buffer.from('x'))).rejects.toThrow();
    expect((await readdir(folder)).sort()).toEqual(['d', 'f']);
  });

  it('are made once', async () => {
    const path = join(folder, 'f');
    expect(await createPrivate(path, Buffer.from('1'))).toBe(true);
    expect(await createPrivate(path, Buffer.from('2'))).toBe(false);
    expect(Buffer.from((await readPrivate(path, 10))!).toString()).toBe('1');
    await expect(readPrivate(path, 0)).rejects.toMatchObject(LOCKED);
    expect(await readdir(folder)).toEqual(['f']);
  });
});
