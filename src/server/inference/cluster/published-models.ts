/** Artifacts as blobs: front ends put there what they serve, workers take from there what a job is for. */
import { join } from 'node:path';
import { ToolError } from '../../protocol/error-codes.ts';
import type { BlobStore } from '../../storage/blob-store.ts';
import type { NearBlobs } from '../../storage/near-blobs.ts';
import { readBounded } from '../../../data/read-file.ts';
import type { ModelCatalog, ModelSource, ServedModel } from '../model-catalog.ts';
import { MAX_ARTIFACT_BYTES, readModel } from '../model-catalog.ts';

function keyOf(artifact: string): string {
  return `artifacts/${artifact}`;
}

/** What is there already is not sent again. */
export async function publishModels(
  catalog: ModelCatalog,
  blobs: Pick<BlobStore, 'has' | 'put'>,
): Promise<void> {
  for (const { digest, file } of catalog.all) {
    if (await blobs.has(keyOf(digest))) continue;
    await blobs.put(keyOf(digest), [await readBounded(file, MAX_ARTIFACT_BYTES, 'the artifact')]);
  }
}

export class PublishedModels implements ModelSource {
  readonly #blobs: Pick<BlobStore, 'has' | 'size'>;
  readonly #near: NearBlobs;
  readonly #models = new Map<string, Promise<ServedModel>>();

  constructor(blobs: Pick<BlobStore, 'has' | 'size'>, near: NearBlobs) {
    this.#blobs = blobs;
    this.#near = near;
  }

  async byDigest(artifact: string): Promise<ServedModel> {
    let model = this.#models.get(artifact);
    if (model === undefined) {
      model = this.#read(artifact);
      this.#models.set(artifact, model);
      // Once more for whoever comes next.
      model.catch(() => this.#models.delete(artifact));
    }
    return model;
  }

  /** It stays on this machine's disk for as long as the worker lives, since evaluation processes read it. */
  async #read(artifact: string): Promise<ServedModel> {
    const key = keyOf(artifact);
    if (!(await this.#blobs.has(key)))
      throw new ToolError('ERROR_UNKNOWN_MODEL', 'this model is not served any more');
    const bytes = await this.#blobs.size(key);
    await this.#near.bring([{ key, bytes, sha256: artifact }], new AbortController().signal);
    return readModel(join(this.#near.location.root, key));
  }
}
