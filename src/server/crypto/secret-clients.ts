/** Open key sets: each keeps its worker and encryption context for a while, because opening costs more than encrypting. */
import { ArtifactError } from '../../errors.ts';
import { SecretClient } from '../../runtime/client/secret-client.ts';
import type { KeyStore, StoredKeySet } from './key-store.ts';

interface OpenKeySet {
  readonly client: Promise<SecretClient>;
  users: number;
  idle: NodeJS.Timeout | null;
}

/** A worker holds a context and keys, some 100 MB. */
const MAX_OPEN = 2;
const IDLE_MS = 120_000;

export class SecretClients implements AsyncDisposable {
  readonly #store: KeyStore;
  /** In order of use, the latest last. */
  readonly #open = new Map<string, OpenKeySet>();

  constructor(store: KeyStore) {
    this.#store = store;
  }

  async use<T>(keySet: StoredKeySet, work: (client: SecretClient) => Promise<T>): Promise<T> {
    const id = keySet.record.key_set;
    const entry = this.#open.get(id) ?? this.#start(keySet);
    this.#open.delete(id);
    this.#open.set(id, entry);
    entry.users++;
    if (entry.idle !== null) clearTimeout(entry.idle);
    try {
      return await work(await entry.client);
    } catch (error) {
      // A worker that failed once is not trusted again; what it refuses is no failure.
      if (!(error instanceof ArtifactError) && this.#open.get(id) === entry) await this.close(id);
      throw error;
    } finally {
      entry.users--;
      if (entry.users === 0) this.#rest(id, entry);
      this.#closeSurplus();
    }
  }

  /** Takes over one that is open already, with the key set that was made with it. */
  adopt({ record }: StoredKeySet, client: SecretClient): void {
    const entry: OpenKeySet = { client: Promise.resolve(client), users: 0, idle: null };
    this.#open.set(record.key_set, entry);
    this.#rest(record.key_set, entry);
    this.#closeSurplus();
  }

  /** Opens a key set that will be used soon; failures are heard of then. */
  warm(keySet: StoredKeySet): void {
    void this.use(keySet, async () => undefined).catch(() => undefined);
  }

  /** Forgets the secret key. */
  async close(keySet: string): Promise<void> {
    const entry = this.#open.get(keySet);
    if (entry === undefined) return;
    this.#open.delete(keySet);
    if (entry.idle !== null) clearTimeout(entry.idle);
    await (await entry.client.catch(() => null))?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.close(id)));
  }

  #start(keySet: StoredKeySet): OpenKeySet {
    const client = this.#store
      .secretKey(keySet)
      .then((secretKey) => SecretClient.open(keySet.signature, secretKey));
    // Whoever uses it hears of the failure.
    client.catch(() => undefined);
    return { client, users: 0, idle: null };
  }

  #rest(id: string, entry: OpenKeySet): void {
    entry.idle = setTimeout(() => void this.close(id), IDLE_MS);
    entry.idle.unref();
  }

  #closeSurplus(): void {
    for (const [id, { users }] of this.#open) {
      if (this.#open.size <= MAX_OPEN) return;
      if (users === 0) void this.close(id);
    }
  }
}
