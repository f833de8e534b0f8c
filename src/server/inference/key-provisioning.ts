/**
 * Evaluation keys from announcement to revocation (the draft's §5.3 and its open Step 0). A reference is the hash of client,
 * algorithm and contents, so the same keys are never sent twice; they serve only after a process has loaded all of them.
 */
import type { ErrorCode } from '../protocol/error-codes.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { RunningCall } from '../protocol/running-call.ts';
import type { ToolReport } from '../protocol/tool.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { KeyFile, KeySetRecord } from '../storage/records.ts';
import type { ServerConfiguration } from './configuration.ts';
import type { EvaluatorPool, Lease } from './evaluation/evaluator-pool.ts';
import { memoryNeed } from './evaluation/memory-need.ts';
import {
  affinityOf,
  keyReferenceOf,
  ownerOf,
  requireKeyRoom,
  requireNotRevoked,
  requireUsable,
} from './key-sets.ts';
import type { ModelCatalog, ServedModel } from './model-catalog.ts';
import type { Acknowledgement, ChunkArrival, FileState, Staging } from '../hosting/staging.ts';
import type { BlobStoreLocation } from '../storage/blob-store.ts';

/** What can be said about keys that were refused, apart from failures that say nothing about the keys. */
const REASONS_TO_REJECT: readonly ErrorCode[] = [
  'ERROR_INVALID_EVALUATION_KEY',
  'ERROR_INVALID_GALOIS_KEY',
  'ERROR_PARAMETER_MISMATCH',
  'ERROR_WEAK_PARAMETERS',
  'ERROR_SECRET_KEY_REFUSED',
];

export interface KeyStatus {
  readonly record: KeySetRecord;
  readonly files: FileState[];
}

export class KeyProvisioning {
  readonly #store: MetadataStore;
  readonly #staging: Staging;
  readonly #pool: EvaluatorPool;
  readonly #catalog: ModelCatalog;
  readonly #configuration: ServerConfiguration;
  readonly #blobs: BlobStoreLocation;
  /** By client and reference. */
  readonly #loading = new Map<string, RunningCall<KeySetRecord>>();

  constructor(
    store: MetadataStore,
    staging: Staging,
    pool: EvaluatorPool,
    catalog: ModelCatalog,
    configuration: ServerConfiguration,
    blobs: BlobStoreLocation,
  ) {
    this.#store = store;
    this.#staging = staging;
    this.#pool = pool;
    this.#catalog = catalog;
    this.#configuration = configuration;
    this.#blobs = blobs;
  }

  /** @throws ToolError ERROR_QUOTA_EXCEEDED or ERROR_KEY_REVOKED */
  begin(
    clientId: string,
    model: ServedModel,
    files: readonly KeyFile[],
    now: number = Date.now(),
  ): KeyStatus {
    const keyRef = keyReferenceOf(clientId, model.algorithmId, files);
    const known = this.#store.keySet(clientId, keyRef);
    if (known !== null) requireNotRevoked(known);
    if (known !== null && known.state !== 'rejected' && known.expiresAt > now) return this.#status(known);
    const others = this.#store.keySets(clientId).filter((other) => other.keyRef !== keyRef);
    const forgettable = requireKeyRoom(others, model, files, this.#configuration.limits);
    if (forgettable !== null) this.#store.deleteKeySet(clientId, forgettable.keyRef);
    const record: KeySetRecord = {
      clientId,
      keyRef,
      algorithmId: model.algorithmId,
      model: model.id,
      files,
      state: 'provisioning',
      rejection: null,
      createdAt: now,
      activatedAt: null,
      expiresAt: now + this.#configuration.limits.keyLifetimeMs,
    };
    this.#store.putKeySet(record);
    return this.#status(record);
  }

  /** @throws ToolError ERROR_UNKNOWN_KEY, ERROR_CHUNK_… or ERROR_QUOTA_EXCEEDED */
  async accept(clientId: string, keyRef: string, arrival: ChunkArrival): Promise<Acknowledgement> {
    const record = this.get(clientId, keyRef);
    const announced = record.files.find(({ fileName }) => fileName === arrival.fileName);
    if (announced === undefined) {
      throw new ToolError(
        'ERROR_CHUNK_INVALID',
        `${arrival.fileName} was not announced with begin_key_provisioning`,
      );
    }
    const { limits } = this.#configuration;
    return this.#staging.accept(ownerOf(record), arrival, {
      maxChunkBytes: limits.maxChunkBytes,
      ownerBytes: record.files.reduce((sum, { bytes }) => sum + bytes, 0),
      clientBytes: limits.keyBytesPerClient + limits.sessionBytesPerClient,
      files: record.files.length,
    });
  }

  /**
   * Checks everything and loads the keys; the process that did stays warm. That goes on if the caller leaves: whoever asks again joins it.
   * @throws ToolError what is wrong with the keys, ERROR_UPLOAD_INCOMPLETE, ERROR_KEY_REVOKED, or ERROR_CANCELLED to who has left
   */
  async commit(
    clientId: string,
    keyRef: string,
    progress: ToolReport,
    signal: AbortSignal,
  ): Promise<KeySetRecord> {
    const record = this.get(clientId, keyRef);
    if (record.state === 'active') return record;
    const name = `${clientId} ${keyRef}`;
    let loading = this.#loading.get(name);
    if (loading === undefined) {
      loading = new RunningCall((stop, report) =>
        this.#activate(record, report, stop).finally(() => this.#loading.delete(name)),
      );
      this.#loading.set(name, loading);
    }
    try {
      return await loading.wait(progress, signal);
    } catch (error) {
      throw signal.aborted ? new ToolError('ERROR_CANCELLED', 'the keys are loaded nevertheless') : error;
    }
  }

  async #activate(record: KeySetRecord, progress: ToolReport, signal: AbortSignal): Promise<KeySetRecord> {
    const { clientId, keyRef } = record;
    requireNotRevoked(record);
    const staged = this.#staging.complete(ownerOf(record));
    for (const { fileName, bytes } of record.files) {
      const found = staged.find((file) => file.fileName === fileName);
      if (found === undefined) throw new ToolError('ERROR_UPLOAD_INCOMPLETE', `${fileName} has not arrived`);
      if (found.bytes !== bytes) {
        throw await this.#reject(
          record,
          new ToolError('ERROR_INVALID_EVALUATION_KEY', `${fileName} has ${found.bytes} bytes, not ${bytes}`),
        );
      }
    }
    try {
      const model = this.#catalog.get(record.model);
      using _ = await this.load(record, model, null, (_stage, fraction) => progress(fraction), signal);
    } catch (error) {
      requireNotRevoked(this.get(clientId, keyRef));
      if (error instanceof ToolError && REASONS_TO_REJECT.includes(error.code))
        throw await this.#reject(record, error);
      throw error;
    }
    // Loading takes long enough for its owner to think better of it.
    requireNotRevoked(this.get(clientId, keyRef));
    this.#store.setKeyState(clientId, keyRef, 'active', null, Date.now());
    return this.get(clientId, keyRef);
  }

  /** The process that holds these keys for this model. */
  load(
    record: KeySetRecord,
    model: ServedModel,
    ompThreads: number | null,
    progress: (stage: string, fraction: number) => void,
    signal: AbortSignal,
  ): Promise<Lease> {
    const { threads, limits } = this.#configuration;
    const staged = this.#staging.complete(ownerOf(record));
    const keys = record.files.map(({ fileName, sha256 }) => ({
      chunks: staged.find((file) => file.fileName === fileName)?.chunks ?? [],
      sha256,
    }));
    const opening = { artifactFile: model.file, artifactDigest: model.digest, blobs: this.#blobs, keys };
    const wanted = Math.max(1, Math.min(threads, ompThreads ?? threads));
    const need = memoryNeed(model.artifact, model.fileBytes, wanted, limits.maxMemoryBytes);
    return this.#pool.acquire({ affinity: affinityOf(record, model), opening, need }, progress, signal);
  }

  status(clientId: string, keyRef: string): KeyStatus {
    return this.#status(this.get(clientId, keyRef));
  }

  list(clientId: string): KeySetRecord[] {
    return this.#store.keySets(clientId);
  }

  /** @throws ToolError ERROR_UNKNOWN_KEY */
  get(clientId: string, keyRef: string): KeySetRecord {
    const record = this.#store.keySet(clientId, keyRef);
    if (record === null) throw new ToolError('ERROR_UNKNOWN_KEY', 'this client has no such key set');
    return record;
  }

  /**
   * The key set to evaluate with: the one named, or the client's newest that fits the model if one is named.
   * @throws ToolError ERROR_UNKNOWN_KEY, ERROR_KEY_REVOKED, ERROR_KEY_EXPIRED or ERROR_KEY_NOT_READY
   */
  resolve(
    clientId: string,
    keyRef: string | undefined,
    algorithm: string | null,
    now: number = Date.now(),
  ): KeySetRecord {
    if (keyRef !== undefined) return requireUsable(this.get(clientId, keyRef), now);
    const fitting = this.#store
      .keySets(clientId)
      .filter(({ algorithmId }) => algorithm === null || algorithmId === algorithm);
    const usable = fitting.find(({ state, expiresAt }) => state === 'active' && expiresAt > now);
    if (usable !== undefined) return usable;
    const [newest] = fitting;
    if (newest === undefined)
      throw new ToolError('ERROR_UNKNOWN_KEY', 'this client has no evaluation keys here');
    return requireUsable(newest, now);
  }

  /** Bytes go at once; the record stays, so that the same keys do not come back. */
  async revoke(clientId: string, keyRef: string): Promise<KeySetRecord> {
    const record = this.get(clientId, keyRef);
    this.#store.setKeyState(clientId, keyRef, 'revoked', null, Date.now());
    await this.#pool.drop((affinity) => affinity.startsWith(`${clientId} ${keyRef} `));
    await this.#staging.remove(ownerOf(record));
    return this.get(clientId, keyRef);
  }

  async expire(record: KeySetRecord): Promise<void> {
    await this.#pool.drop((affinity) => affinity.startsWith(`${record.clientId} ${record.keyRef} `));
    await this.#staging.remove(ownerOf(record));
    this.#store.deleteKeySet(record.clientId, record.keyRef);
  }

  async #reject(record: KeySetRecord, error: ToolError): Promise<ToolError> {
    this.#store.setKeyState(record.clientId, record.keyRef, 'rejected', error.code, Date.now());
    await this.#staging.remove(ownerOf(record));
    return error;
  }

  #status(record: KeySetRecord): KeyStatus {
    const states = this.#staging.files(ownerOf(record));
    const files = record.files.map(
      ({ fileName }): FileState =>
        states.find((state) => state.file_name === fileName) ?? {
          file_name: fileName,
          total_chunks: 0,
          received_chunks: 0,
          received_bytes: 0,
          missing: [],
        },
    );
    return { record, files };
  }
}
