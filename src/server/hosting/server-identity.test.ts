import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keyId, decodePublicKey } from '../protocol/signing.ts';
import { tokenHash } from './authentication.ts';
import { invite } from './invite.ts';
import { ServerIdentity } from './server-identity.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-identity-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it('a server keeps the key that it made at its first start, for its owner only', async () => {
  const first = await ServerIdentity.open(folder);
  const again = await ServerIdentity.open(folder);
  expect(again.publicKey).toBe(first.publicKey);
  expect(again.id).toBe(keyId(decodePublicKey(first.publicKey)));
  expect((await stat(join(folder, 'server-key.pem'))).mode & 0o777).toBe(0o600);
});

it.each([
  ['damaged', 'nothing'],
  [
    'of another algorithm',
    generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  ],
])('a key that is %s is refused, and not replaced', async (_what, pem) => {
  const path = join(folder, 'server-key.pem');
  await writeFile(path, pem);
  await expect(ServerIdentity.open(folder)).rejects.toMatchObject({
    code: 'SERVER_KEY_INVALID',
    message: `${path} is not an Ed25519 private key (PEM)`,
    hint: expect.stringContaining('restore it') as string,
  });
  expect(await readFile(path, 'utf8')).toBe(pem);
});

it('a key that cannot be read is not replaced either', async () => {
  await expect(ServerIdentity.open(join(folder, 'server-key.pem', 'x'))).rejects.toThrow();
  await writeFile(join(folder, 'file'), '');
  await expect(ServerIdentity.open(join(folder, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it('an invitation is a code that the server’s database knows, for its time and name', async () => {
  const state = join(folder, 'state');
  const before = Date.now();
  const { code, expiresAt } = await invite(state, 'client', 1000);
  expect(Buffer.from(code, 'base64url')).toHaveLength(15);
  expect(expiresAt - before).toBeGreaterThanOrEqual(1000);
  expect((await stat(state)).mode & 0o777).toBe(0o700);
  await using store = await SqliteMetadataStore.open(join(state, 'server.db'));
  const take = (name: string, now: number): Promise<boolean> =>
    store.takeInvitation(tokenHash(code), name, now);
  expect([
    await take('other', before),
    await take('client', expiresAt),
    await take('client', expiresAt - 1),
  ]).toEqual([false, false, true]);
  expect(await take('client', before)).toBe(false);
});
