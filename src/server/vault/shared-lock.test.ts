/** Two locks on one folder, as two processes have them. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeyStore } from '../crypto/key-store.ts';
import { CredentialVault } from './credential-vault.ts';
import { SharedLock } from './shared-lock.ts';
import { Vault } from './vault.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-shared-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Exclusive {
  run(name: string, action: () => Promise<void>): Promise<void>;
}

/** Whether the second waits for the first under the same name, and not under another. */
async function waits([one, other]: readonly [Exclusive, Exclusive]): Promise<boolean> {
  let end = (): void => undefined;
  const first = new Promise<void>((resolve) => (end = resolve));
  const begun: string[] = [];
  const running = one.run('a', () => {
    begun.push('first');
    return first;
  });
  await expect.poll(() => begun).toEqual(['first']);
  const same = other.run('a', async () => void begun.push('same'));
  await other.run('b', async () => void begun.push('another'));
  const waited = !begun.includes('same');
  end();
  await Promise.all([running, same]);
  expect(begun).toContain('same');
  return waited;
}

it('one waits for the other, and for nothing else', async () => {
  const path = join(folder, 'locks');
  expect(await waits([new SharedLock(path), new SharedLock(path)])).toBe(true);
  expect(((await stat(path)).mode & 0o777).toString(8)).toBe('700');
});

it('is let go when the action fails', async () => {
  const [one, other] = [new SharedLock(folder), new SharedLock(folder)];
  await expect(one.run('a', () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await other.run('a', () => Promise.resolve(7))).toBe(7);
});

it('holds for keys and for enrolments of all who have the key store open', async () => {
  const unlocking = { kind: 'key-file' as const, path: join(folder, 'key') };
  using vault = await Vault.open(join(folder, 'store'), unlocking);
  using again = await Vault.open(join(folder, 'store'), unlocking);
  const keys = await Promise.all([KeyStore.open(vault), KeyStore.open(again)]);
  const of = (store: { exclusively: Exclusive['run'] }): Exclusive => ({
    run: (name, action) => store.exclusively(name, action),
  });
  expect(await waits([of(keys[0]), of(keys[1])])).toBe(true);
  const credentials = [new CredentialVault(vault, null), new CredentialVault(again, null)] as const;
  expect(await waits([of(credentials[0]), of(credentials[1])])).toBe(true);
});
