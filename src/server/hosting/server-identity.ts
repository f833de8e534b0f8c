/** The server's own Ed25519 key: signs answers, and names the server in signed requests. Kept in its state folder. */
import type { KeyObject } from 'node:crypto';
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, hkdfSync } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactError, UsageError } from '../../errors.ts';
import type { ResultSignature, ToolCall } from '../protocol/signing.ts';
import { encodePublicKey, keyId, requestDigest, signResult } from '../protocol/signing.ts';

const FILE = 'server-key.pem';

export class ServerIdentity {
  readonly #privateKey: KeyObject;
  readonly #nameKey: Buffer;
  /** SubjectPublicKeyInfo, Base64. */
  readonly publicKey: string;
  readonly id: string;

  /** Makes the key at the first start. @throws ArtifactError SERVER_KEY_INVALID */
  static async open(stateFolder: string): Promise<ServerIdentity> {
    const path = join(stateFolder, FILE);
    const existing = await readIfThere(path);
    if (existing !== null) return new ServerIdentity(readKey(existing, path));
    const { privateKey } = generateKeyPairSync('ed25519');
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(privateKey.export({ format: 'pem', type: 'pkcs8' }));
    await file.sync();
    return new ServerIdentity(privateKey);
  }

  /** A key that several processes have. @throws ArtifactError SERVER_KEY_INVALID, UsageError SECRET_UNREADABLE */
  static async read(path: string): Promise<ServerIdentity> {
    const pem = await readIfThere(path);
    if (pem === null)
      throw new UsageError('SECRET_UNREADABLE', `there is no server key at ${path}`, {
        hint: 'make one for all front ends: openssl genpkey -algorithm ed25519 -out server-key.pem',
      });
    return new ServerIdentity(readKey(pem, path));
  }

  private constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    const seed = privateKey.export({ format: 'der', type: 'pkcs8' });
    this.#nameKey = Buffer.from(hkdfSync('sha256', seed, '', 'names that nobody can guess', 32));
    const publicKey = createPublicKey(privateKey);
    this.publicKey = encodePublicKey(publicKey);
    this.id = keyId(publicKey);
  }

  /** What only this server can add to a name: HMAC-SHA-256, Base64url. */
  seal(name: string): string {
    return createHmac('sha256', this.#nameKey).update(name).digest('base64url');
  }

  sign(result: unknown, call: ToolCall, nonce: string | null): ResultSignature {
    return signResult(result, requestDigest(call, nonce), this.#privateKey, this.id);
  }
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
}

function readKey(pem: string, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // Said below, without what the file holds.
  }
  throw new ArtifactError('SERVER_KEY_INVALID', `${path} is not an Ed25519 private key (PEM)`, {
    hint: 'restore it; clients that have pinned the old key refuse a new one',
  });
}
