/** A process that holds a client's evaluation keys for a model: what loading them takes, and where it finds them. */
import { ToolError } from '../../protocol/error-codes.ts';
import type { KeySetRecord } from '../../storage/records.ts';
import type { NamedBlob, NearBlobs } from '../../storage/near-blobs.ts';
import type { Staging } from '../../hosting/staging.ts';
import type { EvaluatorPool, Lease } from '../evaluation/evaluator-pool.ts';
import type { ProcessProgress } from '../evaluation/evaluator-process.ts';
import { memoryNeed } from '../evaluation/memory-need.ts';
import { affinityOf, ownerOf } from '../key-sets.ts';
import type { ServedModel } from '../model-catalog.ts';

export interface LoadingLimits {
  /** Worker threads of one evaluation, unless the caller hints at fewer. */
  readonly threads: number;
  /** All evaluation processes together. */
  readonly maxMemoryBytes: number;
}

export class KeyLoading {
  readonly #staging: Staging;
  readonly #near: NearBlobs;
  readonly #pool: EvaluatorPool;
  readonly #limits: LoadingLimits;

  constructor(staging: Staging, near: NearBlobs, pool: EvaluatorPool, limits: LoadingLimits) {
    this.#staging = staging;
    this.#near = near;
    this.#pool = pool;
    this.#limits = limits;
  }

  /** @throws ToolError ERROR_UPLOAD_INCOMPLETE, ERROR_MEMORY_EXCEEDED, ERROR_CANCELLED, or why the keys cannot be used */
  async load(
    record: KeySetRecord,
    model: ServedModel,
    ompThreads: number | null,
    progress: ProcessProgress,
    signal: AbortSignal,
  ): Promise<Lease> {
    const staged = await this.#staging.complete(ownerOf(record));
    const blobs: NamedBlob[] = [];
    const keys = record.files.map(({ fileName, sha256 }) => {
      const file = staged.find((one) => one.fileName === fileName);
      if (file === undefined) throw new ToolError('ERROR_UPLOAD_INCOMPLETE', `${fileName} has not arrived`);
      blobs.push(...file.chunks);
      return { chunks: file.chunks.map(({ key }) => key), sha256 };
    });
    const opening = {
      artifactFile: model.file,
      artifactDigest: model.digest,
      blobs: this.#near.location,
      keys,
    };
    const wanted = Math.max(1, Math.min(this.#limits.threads, ompThreads ?? this.#limits.threads));
    const need = memoryNeed(model.artifact, model.fileBytes, wanted, this.#limits.maxMemoryBytes);
    const bring = (until: AbortSignal): Promise<Disposable> => this.#near.bring(blobs, until);
    return this.#pool.acquire(
      { affinity: affinityOf(record, model), opening, bring, need },
      progress,
      signal,
    );
  }
}
