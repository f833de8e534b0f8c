import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newProtection, type Unlocking } from './master-key.ts';
import { createPrivate, privateFolder, readPrivate, writePrivate } from './private-files.ts';
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
    await expect(Vault.open(folder, passphrase('sevench'))).rejects.toMatchObject({
      ...LOCKED,
      message: 'a new passphrase needs at least 8 characters',
    });
    expect(await readdir(folder)).toEqual([]);
    expect(newProtection(passphrase('eightchr'))).toEqual({
      kind: 'passphrase',
      kdf: 'scrypt',
      cost: 2 ** 17,
      blockSize: 8,
      parallelization: 1,
      salt: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    expect(newProtection(keyFile())).toEqual({ kind: 'key-file' });
  });

  it('is opened in the way it was made, and with a key file of its own', async () => {
    const vault = join(folder, 'v');
    (await Vault.open(vault, keyFile()))[Symbol.dispose]();
    await expect(Vault.open(vault, passphrase('correct horse'))).rejects.toMatchObject({
      ...LOCKED,
      message: 'the key store was made with a key file, not with a passphrase',
    });
    const other: Unlocking = { kind: 'key-file', path: join(folder, 'other.key') };
    await expect(Vault.open(vault, other)).rejects.toMatchObject({
      ...LOCKED,
      message: 'the key file of the key store is missing or damaged',
    });
    await writePrivate(join(folder, 'other.key'), Buffer.alloc(31));
    await expect(Vault.open(vault, other)).rejects.toMatchObject({
      message: expect.stringMatching(/missing or damaged/) as string,
    });
    await writePrivate(join(folder, 'other.key'), Buffer.alloc(32));
    await expect(Vault.open(vault, other)).rejects.toMatchObject({
      ...LOCKED,
      message: 'the key file is not the one of this key store',
    });
  });

  it('forgets its key when it is closed', async () => {
    const vault = await Vault.open(folder, keyFile());
    await vault.write(join(folder, 'a'), 'a', SECRET);
    vault[Symbol.dispose]();
    await expect(vault.read(join(folder, 'a'), 'a')).rejects.toMatchObject(LOCKED);
    // Work that outlives it writes nothing: that would be sealed with a key of zeros.
    await expect(vault.write(join(folder, 'b'), 'b', SECRET)).rejects.toMatchObject(LOCKED);
    await expect(vault.create(join(folder, 'b'), 'b', SECRET)).rejects.toMatchObject(LOCKED);
    expect(await readdir(folder)).not.toContain('b');
  });

  it('removes what is there, and does not mind what is not', async () => {
    using vault = await Vault.open(folder, keyFile());
    await vault.write(join(folder, 'a'), 'a', SECRET);
    for (let twice = 0; twice < 2; twice++) await vault.remove(join(folder, 'a'));
    expect(await vault.read(join(folder, 'a'), 'a')).toBeNull();
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

  const keyFile = (): Unlocking => ({ kind: 'key-file', path: join(folder, 'k', 'vault.key') });

  it('does not open a file that was put in the place of another', async () => {
    using vault = await Vault.open(folder, keyFile());
    await vault.write(join(folder, 'a'), 'a', SECRET);
    await rename(join(folder, 'a'), join(folder, 'b'));
    await expect(vault.read(join(folder, 'b'), 'b')).rejects.toMatchObject(LOCKED);
    expect(await vault.read(join(folder, 'a'), 'a')).toBeNull();
  });

  it('is one vault, even if several processes make it at once', async () => {
    const vaults = await Promise.all(
      Array.from({ length: 6 }, () => Vault.open(join(folder, 'v'), keyFile())),
    );
    await vaults[0]!.write(join(folder, 'f'), 'f', SECRET);
    for (const vault of vaults) expect(await vault.read(join(folder, 'f'), 'f')).toEqual(SECRET);
  });

  it.each([
    ['cheap to guess', { cost: 2 }],
    ['exhausting', { cost: 2 ** 40 }],
    ['of another kind', { kdf: 'md5' }],
    ['cheap by its blocks', { blockSize: 7 }],
    ['exhausting by its blocks', { blockSize: 17 }],
    ['exhausting by its lanes', { parallelization: 17 }],
    ['without a lane', { parallelization: 0 }],
    ['of a short salt', { salt: '00'.repeat(15) }],
    ['of no salt', { salt: 'xx'.repeat(32) }],
    ['of more than it should say', { more: 1 }],
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
  it('stand in folders that are closed to others, and made if need be', async () => {
    await mkdir(join(folder, 'open'), { mode: 0o755 });
    for (const path of [join(folder, 'open'), join(folder, 'new', 'deep')]) {
      await privateFolder(path);
      expect(await modeOf(path)).toBe('700');
    }
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['a link', (path) => symlink('other', path)],
    ['a folder', (path) => mkdir(path)],
    ['a file that others may read', (path) => writeFile(path, 'x', { mode: 0o604 })],
    ['a file that its group may write', (path) => writeFile(path, 'x').then(() => chmod(path, 0o620))],
    ['a file that is too large', (path) => writeFile(path, 'xyz', { mode: 0o600 })],
  ])('are not %s', async (_what, make) => {
    await writeFile(join(folder, 'other'), 'x', { mode: 0o600 });
    await make(join(folder, 'f'));
    await expect(readPrivate(join(folder, 'f'), 2)).rejects.toMatchObject(LOCKED);
    expect(Buffer.from((await readPrivate(join(folder, 'other'), 1))!).toString()).toBe('x');
  });

  it('say what modes they want of them', async () => {
    await writeFile(join(folder, 'f'), 'x', { mode: 0o640 });
    await expect(readPrivate(join(folder, 'f'), 2)).rejects.toThrow(/mode 640\): expected 600/);
  });

  it('that cannot be made leave nothing behind', async () => {
    await expect(createPrivate(join(folder, 'missing', 'f'), Buffer.from('x'))).rejects.toThrow();
    const broken = function* (): Generator<Uint8Array> {
      yield Buffer.from('a');
      throw new Error('broken');
    };
    await expect(writePrivate(join(folder, 'f'), broken())).rejects.toThrow('broken');
    expect(await readdir(folder)).toEqual([]);
  });

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
