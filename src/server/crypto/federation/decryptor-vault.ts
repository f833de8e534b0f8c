/** What a decryptor keeps, sealed: of every round what it signed and opened, for good, and its secret key until the round is over. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DecryptorState } from '../../../federation/encrypted-sum/decryptor.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { tryLock } from '../../storage/state-lock.ts';
import { privateFolder } from '../../vault/private-files.ts';
import type { Vault } from '../../vault/vault.ts';
import { nameOf } from './participant-vault.ts';

/** JSON. */
export interface StoredDecryption {
  readonly version: 1;
  readonly state: DecryptorState;
  /** Base64; null once the round is over: what was encrypted under it can be opened by nobody any more. */
  readonly keys: { readonly secretKey: string; readonly publicKey: string } | null;
}

const FILE = /^round-([0-9a-f]{32})\.sealed$/;

export class DecryptorVault {
  readonly #vault: Vault;
  readonly #folder: string;

  constructor(vault: Vault) {
    this.#vault = vault;
    this.#folder = join(vault.folder, 'decryption');
  }

  /** One process at a time. @throws ToolError ERROR_BUSY */
  async claim(): Promise<Disposable> {
    await privateFolder(this.#folder);
    const lock = await tryLock(join(this.#folder, 'decryptor.lock'));
    if (lock !== null) return lock;
    throw new ToolError('ERROR_BUSY', 'another decryptor works with this key store', { retryAfterMs: 5000 });
  }

  /** Of whichever aggregator: a federation's round has one decryption. */
  async round(federation: string, round: number): Promise<StoredDecryption | null> {
    return this.#read(nameOf([federation, String(round)]));
  }

  /** Durable when it resolves. */
  async save(stored: StoredDecryption): Promise<void> {
    const { federation, round } = stored.state.terms;
    const name = nameOf([federation, String(round)]);
    await privateFolder(this.#folder);
    await this.#vault.write(this.#path(name), purposeOf(name), Buffer.from(JSON.stringify(stored)));
  }

  /** Those whose secret key is still there. */
  async withKeys(): Promise<StoredDecryption[]> {
    await privateFolder(this.#folder);
    const names = (await readdir(this.#folder)).flatMap((file) => FILE.exec(file)?.[1] ?? []);
    const all = await Promise.all(names.map((name) => this.#read(name)));
    return all.flatMap((each) => (each?.keys == null ? [] : [each]));
  }

  async #read(name: string): Promise<StoredDecryption | null> {
    const bytes = await this.#vault.read(this.#path(name), purposeOf(name));
    return bytes === null ? null : (JSON.parse(bytes.toString('utf8')) as StoredDecryption);
  }

  #path(name: string): string {
    return join(this.#folder, `round-${name}.sealed`);
  }
}

function purposeOf(name: string): string {
  return `decryption/${name}`;
}
