/**
 * Evaluation keys from announcement to revocation (the draft's §5.3 and its open Step 0). A reference is the hash of client,
 * algorithm and contents, so the same keys are never sent twice; they serve only after a process has loaded all of them.
 */
import { ToolError } from '../protocol/error-codes.ts';
import type { ToolReport } from '../protocol/tool.ts';
import type { EvaluationQueue, JobName } from '../storage/evaluation-queue.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { KeyFile, KeySetRecord } from '../storage/records.ts';
import type { Acknowledgement, ChunkArrival, FileState, Staging } from '../hosting/staging.ts';
import type { ServerLimits } from './configuration.ts';
import {
  affinityOf,
  keyReferenceOf,
  ownerOf,
  requireKeyRoom,
  requireNotRevoked,
  requireUsable,
} from './key-sets.ts';
import type { ModelCatalog, ServedModel } from './model-catalog.ts';

export interface KeyStatus {
  readonly record: KeySetRecord;
  readonly files: FileState[];
}

/** Whoever has keys loaded. */
export interface KeyHolders {
  /** They are used no more; processes that hold them end. */
  drop(clientId: string, keyRef: string): Promise<void>;
}

export class KeyProvisioning {
  readonly #store: MetadataStore;
  readonly #staging: Staging;
  readonly #queue: EvaluationQueue;
  readonly #holders: KeyHolders;
  readonly #catalog: ModelCatalog;
  readonly #limits: ServerLimits;

  constructor(parts: {
    readonly store: MetadataStore;
    readonly staging: Staging;
    readonly queue: EvaluationQueue;
    readonly holders: KeyHolders;
    readonly catalog: ModelCatalog;
    readonly limits: ServerLimits;
  }) {
    this.#store = parts.store;
    this.#staging = parts.staging;
    this.#queue = parts.queue;
    this.#holders = parts.holders;
    this.#catalog = parts.catalog;
    this.#limits = parts.limits;
  }

  /** @throws ToolError ERROR_QUOTA_EXCEEDED or ERROR_KEY_REVOKED */
  begin(
    clientId: string,
    model: ServedModel,
    files: readonly KeyFile[],
    now: number = Date.now(),
  ): Promise<KeyStatus> {
    return this.#store.exclusive(clientId, async () => {
      const keyRef = keyReferenceOf(clientId, model.algorithmId, files);
      const known = await this.#store.keySet(clientId, keyRef);
      if (known !== null) requireNotRevoked(known);
      if (known !== null && known.state !== 'rejected' && known.expiresAt > now) return this.#status(known);
      const others = (await this.#store.keySets(clientId)).filter((other) => other.keyRef !== keyRef);
      const forgettable = requireKeyRoom(others, model, files, this.#limits);
      if (forgettable !== null) await this.#store.deleteKeySet(clientId, forgettable.keyRef);
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
        expiresAt: now + this.#limits.keyLifetimeMs,
      };
      await this.#store.putKeySet(record);
      return this.#status(record);
    });
  }

  /** @throws ToolError ERROR_UNKNOWN_KEY, ERROR_CHUNK_… or ERROR_QUOTA_EXCEEDED */
  async accept(clientId: string, keyRef: string, arrival: ChunkArrival): Promise<Acknowledgement> {
    const record = await this.get(clientId, keyRef);
    const announced = record.files.find(({ fileName }) => fileName === arrival.fileName);
    if (announced === undefined) {
      throw new ToolError(
        'ERROR_CHUNK_INVALID',
        `${arrival.fileName} was not announced with begin_key_provisioning`,
      );
    }
    const limits = this.#limits;
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
    report: ToolReport,
    signal: AbortSignal,
  ): Promise<KeySetRecord> {
    const record = await this.get(clientId, keyRef);
    if (record.state === 'active') return record;
    requireNotRevoked(record);
    await this.#requireArrived(record);
    const model = this.#catalog.get(record.model);
    const name = loadingOf(clientId, keyRef);
    const { digest: artifact, costSeconds } = model;
    await this.#queue.order(
      { ...name, keyRef, artifact, affinity: affinityOf(record, model), costSeconds },
      null,
    );
    const failure = await this.#queue.wait(
      name,
      ({ fraction, message }) => report(fraction, message),
      signal,
    );
    if (signal.aborted) throw new ToolError('ERROR_CANCELLED', 'the keys are loaded nevertheless');
    const ended = await this.get(clientId, keyRef);
    requireNotRevoked(ended);
    if (failure != null) throw new ToolError(failure.code, failure.message);
    // It may have ended before anybody waited for it.
    return requireUsable(ended, Date.now());
  }

  /** @throws ToolError ERROR_UPLOAD_INCOMPLETE, or ERROR_INVALID_EVALUATION_KEY if they are not what was announced, and rejects them */
  async #requireArrived(record: KeySetRecord): Promise<void> {
    const staged = await this.#staging.complete(ownerOf(record));
    for (const { fileName, bytes } of record.files) {
      const found = staged.find((file) => file.fileName === fileName);
      if (found === undefined) throw new ToolError('ERROR_UPLOAD_INCOMPLETE', `${fileName} has not arrived`);
      if (found.bytes === bytes) continue;
      const { clientId, keyRef } = record;
      const code = 'ERROR_INVALID_EVALUATION_KEY';
      await this.#store.settleKeys(clientId, keyRef, 'rejected', code, Date.now());
      await this.#staging.remove(
        ownerOf(record),
        async () => (await this.#store.keySet(clientId, keyRef))?.state === 'rejected',
      );
      throw new ToolError(code, `${fileName} has ${found.bytes} bytes, not ${bytes}`);
    }
  }

  async status(clientId: string, keyRef: string): Promise<KeyStatus> {
    return this.#status(await this.get(clientId, keyRef));
  }

  list(clientId: string): Promise<KeySetRecord[]> {
    return this.#store.keySets(clientId);
  }

  /** @throws ToolError ERROR_UNKNOWN_KEY */
  async get(clientId: string, keyRef: string): Promise<KeySetRecord> {
    const record = await this.#store.keySet(clientId, keyRef);
    if (record === null) throw new ToolError('ERROR_UNKNOWN_KEY', 'this client has no such key set');
    return record;
  }

  /**
   * The key set to evaluate with: the one named, or the client's newest that fits the model if one is named.
   * @throws ToolError ERROR_UNKNOWN_KEY, ERROR_KEY_REVOKED, ERROR_KEY_EXPIRED or ERROR_KEY_NOT_READY
   */
  async resolve(
    clientId: string,
    keyRef: string | undefined,
    algorithm: string | null,
    now: number = Date.now(),
  ): Promise<KeySetRecord> {
    if (keyRef !== undefined) return requireUsable(await this.get(clientId, keyRef), now);
    const fitting = (await this.#store.keySets(clientId)).filter(
      ({ algorithmId }) => algorithm === null || algorithmId === algorithm,
    );
    const usable = fitting.find(({ state, expiresAt }) => state === 'active' && expiresAt > now);
    if (usable !== undefined) return usable;
    const [newest] = fitting;
    if (newest === undefined)
      throw new ToolError('ERROR_UNKNOWN_KEY', 'this client has no evaluation keys here');
    return requireUsable(newest, now);
  }

  /** Bytes go at once; the record stays, so that the same keys do not come back. */
  async revoke(clientId: string, keyRef: string): Promise<KeySetRecord> {
    const record = await this.get(clientId, keyRef);
    await this.#store.revokeKeys(clientId, keyRef);
    await this.#forget(record);
    return this.get(clientId, keyRef);
  }

  async expire(record: KeySetRecord): Promise<void> {
    await this.#forget(record);
    await this.#store.deleteKeySet(record.clientId, record.keyRef);
  }

  async #forget(record: KeySetRecord): Promise<void> {
    const { clientId, keyRef } = record;
    await this.#queue.cancel(loadingOf(clientId, keyRef));
    await this.#holders.drop(clientId, keyRef);
    await this.#staging.remove(ownerOf(record));
  }

  async #status(record: KeySetRecord): Promise<KeyStatus> {
    const states = await this.#staging.files(ownerOf(record));
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

function loadingOf(clientId: string, keyRef: string): JobName {
  return { kind: 'keys', clientId, id: keyRef };
}
