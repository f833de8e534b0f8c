/** The global models of a federation, one a version: the template, and what came of each round. */
import { readParameters, replaceParameters } from '../../onnx/model-parameters.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { FederationStore, GlobalModelRecord, StoredRound } from '../storage/federation-store.ts';

export class GlobalModels {
  readonly #store: FederationStore;
  readonly #blobs: BlobStore;
  readonly #frozen: readonly string[];

  constructor(store: FederationStore, blobs: BlobStore, frozen: readonly string[]) {
    this.#store = store;
    this.#blobs = blobs;
    this.#frozen = frozen;
  }

  get latest(): GlobalModelRecord {
    return this.find(undefined);
  }

  get all(): readonly GlobalModelRecord[] {
    return this.#store.models();
  }

  /** @throws ToolError ERROR_UNKNOWN_MODEL */
  find(version: number | undefined): GlobalModelRecord {
    const models = this.#store.models();
    const found = version === undefined ? models.at(-1) : models.find((model) => model.version === version);
    if (found === undefined) throw new ToolError('ERROR_UNKNOWN_MODEL', 'this federation has no such model');
    return found;
  }

  read({ version }: GlobalModelRecord): Promise<Uint8Array> {
    return this.#blobs.get(keyOf(version));
  }

  readRange({ version }: GlobalModelRecord, start: number, length: number): Promise<Uint8Array> {
    return this.#blobs.getRange(keyOf(version), start, length);
  }

  /** Version 0, once. */
  async begin(template: Uint8Array): Promise<void> {
    if (this.#store.models().length > 0) return;
    await this.#write(0, template);
    this.#store.putResult(this.#record(0, template, null), null);
  }

  /**
   * The next version: the latest one with `step` added to its trained numbers.
   * @param ended stored with it, so that a round is over once and its model is there then
   */
  async advance(step: Float64Array, ended: StoredRound): Promise<GlobalModelRecord> {
    const { latest } = this;
    const bytes = await this.read(latest);
    const { values } = readParameters(bytes, 'the global model', this.#frozen);
    for (let i = 0; i < values.length; i++) values[i] = values[i]! + step[i]!;
    const next = replaceParameters(bytes, values, 'the global model', this.#frozen);
    const record = this.#record(latest.version + 1, next, ended.round);
    await this.#write(record.version, next);
    this.#store.putResult(record, ended);
    return record;
  }

  /** What a crash left under the name is replaced: no record names it yet. */
  async #write(version: number, bytes: Uint8Array): Promise<void> {
    await this.#blobs.put(keyOf(version), [bytes]);
  }

  #record(version: number, bytes: Uint8Array, round: number | null): GlobalModelRecord {
    return { version, sha256: sha256Of(bytes), bytes: bytes.length, round, createdAt: Date.now() };
  }
}

function keyOf(version: number): string {
  return `models/${version}.onnx`;
}
