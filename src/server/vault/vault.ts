/** A folder of sealed files with one master key. What is in it cannot be read or changed without the key. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ToolError } from '../protocol/error-codes.ts';
import type { Unlocking } from './master-key.ts';
import { masterKey, newProtection, protection } from './master-key.ts';
import { createPrivate, privateFolder, readPrivate, writePrivate } from './private-files.ts';
import { openBytes, sealBytes } from './sealed-bytes.ts';

const DESCRIPTION = 'vault.json';
const CHECK = 'check';
const MAX_DESCRIPTION_BYTES = 65_536;
/** Keys, tokens and descriptions; no bulk data. */
const MAX_SEALED_BYTES = 256 * 2 ** 20;

const description = z.strictObject({
  format: z.literal('he-compile-vault'),
  version: z.literal(1),
  protection,
  /** Sealed constant: a wrong passphrase is found at once. */
  check: z.base64().max(1024),
});

export class Vault implements Disposable {
  readonly folder: string;
  readonly #master: Buffer;
  #closed = false;

  /**
   * Opens the vault in `folder`, or makes one.
   * @throws ToolError ERROR_KEYSTORE_LOCKED
   */
  static async open(folder: string, unlocking: Unlocking): Promise<Vault> {
    await privateFolder(folder);
    const path = join(folder, DESCRIPTION);
    if ((await readPrivate(path, MAX_DESCRIPTION_BYTES)) === null) await Vault.#make(path, unlocking);
    const found = Vault.#parse(await readPrivate(path, MAX_DESCRIPTION_BYTES));
    const master = await masterKey(found.protection, unlocking, false);
    try {
      openBytes(master, CHECK, Buffer.from(found.check, 'base64'));
    } catch (error) {
      throw new ToolError(
        'ERROR_KEYSTORE_LOCKED',
        unlocking.kind === 'passphrase'
          ? 'the passphrase is wrong'
          : 'the key file is not the one of this key store',
        { cause: error },
      );
    }
    return new Vault(folder, master);
  }

  static async #make(path: string, unlocking: Unlocking): Promise<void> {
    const made = newProtection(unlocking);
    const master = await masterKey(made, unlocking, true);
    const document: z.infer<typeof description> = {
      format: 'he-compile-vault',
      version: 1,
      protection: made,
      check: sealBytes(master, CHECK, Buffer.from(CHECK)).toString('base64'),
    };
    // Should another process have been first, its vault is the one that counts.
    await createPrivate(path, Buffer.from(JSON.stringify(document)));
  }

  static #parse(bytes: Uint8Array | null): z.infer<typeof description> {
    try {
      return description.parse(JSON.parse(Buffer.from(bytes ?? []).toString('utf8')));
    } catch (error) {
      throw new ToolError('ERROR_KEYSTORE_LOCKED', 'the description of the key store is damaged', {
        cause: error,
      });
    }
  }

  private constructor(folder: string, master: Buffer) {
    this.folder = folder;
    this.#master = master;
  }

  /** Seals `bytes` into a file; `purpose` must be given again to read it. */
  async write(path: string, purpose: string, bytes: Uint8Array): Promise<void> {
    await writePrivate(path, sealBytes(this.#key(), purpose, bytes));
  }

  /** As `write`, unless the file is there already; true if it was written. Of several processes one wins. */
  async create(path: string, purpose: string, bytes: Uint8Array): Promise<boolean> {
    return await createPrivate(path, sealBytes(this.#key(), purpose, bytes));
  }

  /**
   * Null if there is no such file.
   * @throws ToolError ERROR_KEYSTORE_LOCKED if it does not open
   */
  async read(path: string, purpose: string): Promise<Buffer | null> {
    const sealed = await readPrivate(path, MAX_SEALED_BYTES);
    return sealed === null ? null : openBytes(this.#key(), purpose, sealed);
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  /** Nothing is sealed with what is left of it: everybody knows zeros. @throws ToolError ERROR_KEYSTORE_LOCKED if it is forgotten */
  #key(): Buffer {
    if (this.#closed) throw new ToolError('ERROR_KEYSTORE_LOCKED', 'the key store is closed');
    return this.#master;
  }

  /** Forgets the master key. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#master.fill(0);
  }
}
