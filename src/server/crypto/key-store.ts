/**
 * The local key sets: `<vault>/keys/<client>/<key set>/` holds the secret key and its record, sealed, and the public and
 * evaluation keys as they travel. A key set appears whole or not at all.
 */
import { createHash } from 'node:crypto';
import type { Dirent } from 'node:fs';
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Signature } from '../../program/signature.ts';
import type { EvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { clientId } from '../protocol/identifiers.ts';
import { decodeSignature, encodeSignature } from '../protocol/signature-document.ts';
import { privateFolder, syncFolder, writePrivate } from '../vault/private-files.ts';
import { SharedLock } from '../vault/shared-lock.ts';
import type { Vault } from '../vault/vault.ts';
import type { KeyBudget } from './key-budget.ts';
import { DEFAULT_KEY_BUDGET, requireBudget } from './key-budget.ts';
import { evaluationKeyFiles } from './evaluation-key-files.ts';
import type { KeyFileRecord, KeyRecord } from './key-record.ts';
import { keyRecord, keySetId, signatureDigest } from './key-record.ts';

const RECORD = 'key-set.sealed';
const SECRET_KEY = 'secret-key.sealed';
const PUBLIC_KEY = 'public-key.hect';
/** Folders of key sets that were never finished begin so; no client's name or key set does. */
const UNFINISHED = '.new-';
const UNFINISHED_MS = 24 * 3_600_000;

export interface StoredKeySet {
  readonly record: KeyRecord;
  readonly signature: Signature;
  readonly folder: string;
}

export interface KeyChoice {
  readonly clientId: string;
  /** One of several; otherwise the newest counts. */
  readonly keySet?: string | undefined;
  readonly model?: string | undefined;
  /** Only keys that were made for this signature. */
  readonly signatureSha256?: string | undefined;
}

export interface NewKeySet {
  readonly clientId: string;
  readonly signature: Signature;
  readonly batchSize: number;
  readonly algorithmId: string;
  readonly secretKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly evaluationKeys: EvaluationKeys;
}

export class KeyStore {
  readonly #vault: Vault;
  readonly #folder: string;
  readonly #budget: KeyBudget;
  readonly #lock: SharedLock;

  /** Removes what crashes have left, once it is too old to belong to another process at work. */
  static async open(vault: Vault, budget: KeyBudget = DEFAULT_KEY_BUDGET): Promise<KeyStore> {
    const folder = join(vault.folder, 'keys');
    await privateFolder(folder);
    const store = new KeyStore(vault, folder, budget);
    await store.#sweep();
    return store;
  }

  private constructor(vault: Vault, folder: string, budget: KeyBudget) {
    this.#budget = budget;
    this.#vault = vault;
    this.#folder = folder;
    this.#lock = new SharedLock(join(vault.folder, 'locks'));
  }

  /** One at a time of each client, whatever server it is: whoever waits finds the keys that were made meanwhile. */
  exclusively<T>(client: string, action: () => Promise<T>): Promise<T> {
    return this.#lock.run(`keys-${client}`, action);
  }

  /** Newest first. */
  async list(client?: string): Promise<KeyRecord[]> {
    const clients = client === undefined ? await names(this.#folder) : [client];
    const records: KeyRecord[] = [];
    for (const owner of clients.filter((name) => clientId.safeParse(name).success)) {
      for (const keySet of await names(join(this.#folder, owner))) {
        if (!keySetId.safeParse(keySet).success) continue;
        const record = await this.#record(owner, keySet);
        if (record !== null) records.push(record);
      }
    }
    return records.sort(
      (a, b) => b.created_at.localeCompare(a.created_at) || a.key_set.localeCompare(b.key_set),
    );
  }

  /** @throws ToolError ERROR_UNKNOWN_KEY */
  async get(choice: KeyChoice): Promise<StoredKeySet> {
    const found = await this.find(choice);
    if (found !== null) return found;
    throw new ToolError('ERROR_UNKNOWN_KEY', 'there is no such key set here: make one with fhe_keygen');
  }

  async find({ clientId: client, keySet, model, signatureSha256 }: KeyChoice): Promise<StoredKeySet | null> {
    const record = (await this.list(client)).find(
      (candidate) =>
        (keySet === undefined || candidate.key_set === keySet) &&
        (model === undefined || candidate.model === model) &&
        (signatureSha256 === undefined || candidate.signature_sha256 === signatureSha256),
    );
    if (record === undefined) return null;
    return {
      record,
      signature: decodeSignature(record.signature),
      folder: this.#path(client, record.key_set),
    };
  }

  /** Whether keys may be made for this signature, before they are. @throws ToolError ERROR_QUOTA_EXCEEDED */
  async requireRoom(owner: string, signature: Signature): Promise<void> {
    const stored = (await this.list(owner)).map(({ public_key, evaluation_keys }) =>
      [public_key, ...evaluation_keys].reduce((sum, { bytes }) => sum + bytes, 0),
    );
    requireBudget(signature, stored, this.#budget);
  }

  async create(made: NewKeySet): Promise<StoredKeySet> {
    const { clientId: owner, signature, evaluationKeys } = made;
    const keySet = keySetId.parse(evaluationKeys.keySet);
    const home = join(this.#folder, owner);
    await privateFolder(home);
    const staging = await mkdtemp(join(home, UNFINISHED));
    try {
      const publicKey = await writeKeyFile(staging, PUBLIC_KEY, [made.publicKey]);
      const files: KeyFileRecord[] = [];
      for (const { name, pieces } of evaluationKeyFiles(evaluationKeys)) {
        files.push(await writeKeyFile(staging, name, pieces));
      }
      const record: KeyRecord = {
        version: 1,
        client_id: owner,
        key_set: keySet,
        model: signature.model,
        algorithm_id: made.algorithmId,
        signature_sha256: signatureDigest(signature, made.batchSize),
        batch_size: made.batchSize,
        created_at: new Date().toISOString(),
        public_key: publicKey,
        evaluation_keys: files,
        signature: encodeSignature(signature),
      };
      await this.#vault.write(
        join(staging, SECRET_KEY),
        purpose('secret-key', owner, keySet),
        made.secretKey,
      );
      const text = Buffer.from(JSON.stringify(record));
      await this.#vault.write(join(staging, RECORD), purpose('key-set', owner, keySet), text);
      const folder = this.#path(owner, keySet);
      await rename(staging, folder);
      await syncFolder(home);
      return { record, signature, folder };
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      throw error;
    }
  }

  /** The secret key as `SecretClient.open` takes it. @throws ToolError ERROR_KEYSTORE_LOCKED */
  async secretKey({ record, folder }: StoredKeySet): Promise<Uint8Array> {
    const { client_id: owner, key_set: keySet } = record;
    const key = await this.#vault.read(join(folder, SECRET_KEY), purpose('secret-key', owner, keySet));
    if (key === null)
      throw new ToolError('ERROR_KEYSTORE_LOCKED', 'the secret key of this key set is missing');
    return key;
  }

  /** Removes a key set for good: what was encrypted with it can never be decrypted again. */
  async delete(owner: string, keySet: string): Promise<void> {
    // Renamed first: a crash half-way must not leave a key set that looks whole.
    const doomed = join(this.#folder, owner, `${UNFINISHED}${keySet}`);
    await rename(this.#path(owner, keySet), doomed);
    await rm(doomed, { recursive: true, force: true });
  }

  async #sweep(now: number = Date.now()): Promise<void> {
    for (const owner of await names(this.#folder)) {
      const leftovers = (await names(join(this.#folder, owner))).filter((name) =>
        name.startsWith(UNFINISHED),
      );
      for (const path of leftovers.map((name) => join(this.#folder, owner, name))) {
        const info = await stat(path).catch(() => null);
        if (info !== null && now - info.mtimeMs > UNFINISHED_MS)
          await rm(path, { recursive: true, force: true });
      }
    }
  }

  async #record(owner: string, keySet: string): Promise<KeyRecord | null> {
    const bytes = await this.#vault.read(
      join(this.#path(owner, keySet), RECORD),
      purpose('key-set', owner, keySet),
    );
    if (bytes === null) return null;
    const parsed = keyRecord.safeParse(JSON.parse(bytes.toString('utf8')));
    if (parsed.success) return parsed.data;
    throw new ToolError('ERROR_KEYSTORE_LOCKED', 'the record of a key set is of another version');
  }

  #path(owner: string, keySet: string): string {
    return join(this.#folder, owner, keySet);
  }
}

function purpose(kind: string, owner: string, keySet: string): string {
  return `${kind}/${owner}/${keySet}`;
}

async function writeKeyFile(
  folder: string,
  name: string,
  pieces: readonly Uint8Array[],
): Promise<KeyFileRecord> {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const piece of pieces) {
    hash.update(piece);
    bytes += piece.length;
  }
  await writePrivate(join(folder, name), pieces);
  return { file_name: name, bytes, sha256: hash.digest('hex') };
}

async function names(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
