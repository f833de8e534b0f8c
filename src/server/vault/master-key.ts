/**
 * The key that everything else is sealed with: derived from a passphrase by scrypt (RFC 7914), or random in a file that
 * only its owner can read, best on another volume than the vault.
 */
import { randomBytes, scrypt } from 'node:crypto';
import { dirname } from 'node:path';
import { z } from 'zod';
import { ToolError } from '../protocol/error-codes.ts';
import { createPrivate, privateFolder, readPrivate } from './private-files.ts';
import { MASTER_KEY_BYTES } from './sealed-bytes.ts';

/** How a vault is unlocked. */
export type Unlocking =
  | { readonly kind: 'passphrase'; readonly passphrase: string }
  | { readonly kind: 'key-file'; readonly path: string };

/** What a vault remembers of it; nothing secret. */
export const protection = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('passphrase'),
    kdf: z.literal('scrypt'),
    /** Bounded, so that a changed file can neither exhaust memory nor make guessing cheap. */
    cost: z
      .int()
      .min(2 ** 15)
      .max(2 ** 20),
    blockSize: z.int().min(8).max(16),
    parallelization: z.int().min(1).max(16),
    salt: z.string().regex(/^[0-9a-f]{32,128}$/),
  }),
  z.strictObject({ kind: z.literal('key-file') }),
]);
export type Protection = z.infer<typeof protection>;

/** OWASP's password storage cheat sheet: N = 2^17, r = 8, p = 1; 128 MiB, some 0.4 s. */
const COST = 2 ** 17;
const BLOCK_SIZE = 8;
const MIN_PASSPHRASE = 8;

export function newProtection(unlocking: Unlocking): Protection {
  if (unlocking.kind === 'key-file') return { kind: 'key-file' };
  if (unlocking.passphrase.length < MIN_PASSPHRASE) {
    throw new ToolError(
      'ERROR_KEYSTORE_LOCKED',
      `a new passphrase needs at least ${MIN_PASSPHRASE} characters`,
    );
  }
  return {
    kind: 'passphrase',
    kdf: 'scrypt',
    cost: COST,
    blockSize: BLOCK_SIZE,
    parallelization: 1,
    salt: randomBytes(32).toString('hex'),
  };
}

/**
 * @param createKeyFile for a vault that is being made; otherwise a missing key file is an error
 * @throws ToolError ERROR_KEYSTORE_LOCKED if the way of unlocking is not the vault's, or its key file is missing or open to others
 */
export async function masterKey(
  made: Protection,
  unlocking: Unlocking,
  createKeyFile: boolean,
): Promise<Buffer> {
  if (made.kind === 'passphrase') {
    if (unlocking.kind !== 'passphrase') {
      throw new ToolError(
        'ERROR_KEYSTORE_LOCKED',
        'the key store was made with a passphrase, none was given',
      );
    }
    return await derive(unlocking.passphrase, made);
  }
  if (unlocking.kind !== 'key-file') {
    throw new ToolError(
      'ERROR_KEYSTORE_LOCKED',
      'the key store was made with a key file, not with a passphrase',
    );
  }
  if (createKeyFile) {
    await privateFolder(dirname(unlocking.path));
    await createPrivate(unlocking.path, randomBytes(MASTER_KEY_BYTES));
  }
  const key = await readPrivate(unlocking.path, MASTER_KEY_BYTES);
  if (key?.length !== MASTER_KEY_BYTES) {
    throw new ToolError('ERROR_KEYSTORE_LOCKED', 'the key file of the key store is missing or damaged');
  }
  return Buffer.from(key);
}

function derive(
  passphrase: string,
  { cost, blockSize, parallelization, salt }: Extract<Protection, { kind: 'passphrase' }>,
): Promise<Buffer> {
  // Composed characters, so that the same passphrase typed elsewhere is the same (RFC 8265, OpaqueString).
  const password = passphrase.normalize('NFC');
  const options = { cost, blockSize, parallelization, maxmem: 256 * cost * blockSize * parallelization };
  return new Promise((resolve, reject) => {
    scrypt(password, Buffer.from(salt, 'hex'), MASTER_KEY_BYTES, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
