import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClientIdentity } from '../client/credentials.ts';
import { decodePublicKey, encodePublicKey } from '../protocol/signing.ts';
import { AUTHORITY, CLIENT_CERTIFICATE, CLIENT_KEY, ROGUE_KEY } from '../testing/certificates.ts';
import { type CertifiedKey, CredentialVault } from './credential-vault.ts';
import { Vault } from './vault.ts';

const LOCKED = { code: 'ERROR_KEYSTORE_LOCKED' };
const ENROLMENT = { authToken: 'a token', expiresAt: 1_800_000_000_000, serverKey: 'ab'.repeat(32) };

let folder: string;
let vault: Vault;
let credentials: CredentialVault;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-credentials-'));
  vault = await Vault.open(join(folder, 'vault'), { kind: 'key-file', path: join(folder, 'key') });
  credentials = new CredentialVault(vault);
});
afterEach(async () => {
  vault[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

function signs({ privateKey, publicKey }: ClientIdentity): boolean {
  const message = Buffer.from('message');
  return verify(null, message, decodePublicKey(publicKey), sign(null, message, privateKey));
}

async function everyFile(): Promise<string[]> {
  const entries = await readdir(vault.folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe('an identity', () => {
  it('is an Ed25519 key that is made once for each client and kept, sealed', async () => {
    const made = await credentials.identity('one');
    expect(made.certificateChain).toEqual([]);
    expect(signs(made)).toBe(true);
    const again = await new CredentialVault(vault).identity('one');
    expect(again.publicKey).toBe(made.publicKey);
    expect(again.certificateChain).toEqual([]);
    expect(signs(again)).toBe(true);
    expect((await credentials.identity('two')).publicKey).not.toBe(made.publicKey);
    for (const file of await everyFile()) expect(await readFile(file, 'latin1')).not.toContain('PRIVATE KEY');
  });

  it('is not that of another client whose file was put in its place', async () => {
    await credentials.identity('one');
    await mkdir(join(vault.folder, 'identities', 'two'));
    await rename(
      join(vault.folder, 'identities', 'one', 'identity.sealed'),
      join(vault.folder, 'identities', 'two', 'identity.sealed'),
    );
    await expect(credentials.identity('two')).rejects.toMatchObject(LOCKED);
  });
});

describe('an enrolment', () => {
  it('is kept for its client and server, sealed, until it is forgotten', async () => {
    expect(await credentials.enrolment('one', 'https://a')).toBeNull();
    await credentials.saveEnrolment('one', 'https://a', ENROLMENT);
    const other = { ...ENROLMENT, authToken: 'another token' };
    await credentials.saveEnrolment('one', 'https://b', other);
    expect(await new CredentialVault(vault).enrolment('one', 'https://a')).toEqual(ENROLMENT);
    expect(await credentials.enrolment('one', 'https://b')).toEqual(other);
    expect(await credentials.enrolment('two', 'https://a')).toBeNull();
    for (const file of await everyFile()) expect(await readFile(file, 'latin1')).not.toContain('token');
    await credentials.forgetEnrolment('one', 'https://a');
    await credentials.forgetEnrolment('one', 'https://a');
    expect(await credentials.enrolment('one', 'https://a')).toBeNull();
    expect(await credentials.enrolment('one', 'https://b')).toEqual(other);
  });

  it('is not that with another server or of another client whose file was put in its place', async () => {
    await credentials.saveEnrolment('one', 'https://a', ENROLMENT);
    const [mine] = (await everyFile()).filter((file) => file.includes('enrolments'));
    await credentials.saveEnrolment('one', 'https://b', ENROLMENT);
    const [theirs] = (await everyFile()).filter((file) => file.includes('enrolments') && file !== mine);
    await rename(mine!, theirs!);
    await expect(credentials.enrolment('one', 'https://b')).rejects.toMatchObject(LOCKED);
    await credentials.saveEnrolment('two', 'https://b', ENROLMENT);
    await rename(theirs!, theirs!.replace('/one/', '/two/'));
    await expect(credentials.enrolment('two', 'https://b')).rejects.toMatchObject(LOCKED);
  });
});

describe('a certified key', () => {
  const certified: CertifiedKey = { privateKeyPem: CLIENT_KEY, chainPem: CLIENT_CERTIFICATE };

  it('speaks for every client, with its chain, leaf first, and nothing is kept of it', async () => {
    const chainPem = `some text\n${CLIENT_CERTIFICATE}\n# its issuer\n${AUTHORITY}`;
    const own = new CredentialVault(vault, { ...certified, chainPem });
    const identity = await own.identity('one');
    expect(identity.publicKey).toBe(encodePublicKey(createPublicKey(CLIENT_KEY)));
    expect(signs(identity)).toBe(true);
    expect(identity.certificateChain).toEqual([CLIENT_CERTIFICATE.trim(), AUTHORITY.trim()]);
    expect(await own.identity('two')).toBe(identity);
    expect((await everyFile()).filter((file) => file.includes('identit'))).toEqual([]);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  it.each<[string, Partial<CertifiedKey>, RegExp]>([
    ['another key than that of its certificate', { privateKeyPem: ROGUE_KEY }, /for another key/],
    ['its issuer first', { chainPem: `${AUTHORITY}${CLIENT_CERTIFICATE}` }, /for another key/],
    ['no certificate', { chainPem: '' }, /cannot be read/],
    ['no key', { privateKeyPem: 'none' }, /cannot be read/],
    [
      'another algorithm',
      { privateKeyPem: rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() },
      /cannot be read|not an Ed25519 key/,
    ],
  ])('is refused with %s', (_what, change, reason) => {
    const making = (): CredentialVault => new CredentialVault(vault, { ...certified, ...change });
    expect(making).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(making).toThrow(reason);
  });
});
