/** The sum of a round's encrypted updates on the aggregator's disk, from when it is added up until the round is over. */
import { SUM_CIPHERTEXT_BYTES } from '../../runtime/sums/sum-parameters.ts';
import type { BlobStore } from '../storage/blob-store.ts';

/** Ciphertexts in one blob: 4 MiB. */
const GROUP = 64;
const GROUP_BYTES = GROUP * SUM_CIPHERTEXT_BYTES;

export class SumCiphertexts {
  readonly #blobs: BlobStore;

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** What a crash left of it is replaced. */
  async write(round: number, ciphertexts: AsyncIterable<Uint8Array>): Promise<void> {
    let group: Uint8Array[] = [];
    let index = 0;
    for await (const ciphertext of ciphertexts) {
      group.push(ciphertext);
      if (group.length < GROUP) continue;
      await this.#blobs.put(keyOf(round, index++), group);
      group = [];
    }
    if (group.length > 0) await this.#blobs.put(keyOf(round, index), group);
  }

  /** Of what was written whole. */
  async read(round: number, start: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const at = start + filled;
      const within = at % GROUP_BYTES;
      const take = Math.min(length - filled, GROUP_BYTES - within);
      bytes.set(await this.#blobs.getRange(keyOf(round, Math.floor(at / GROUP_BYTES)), within, take), filled);
      filled += take;
    }
    return bytes;
  }

  async remove(round: number): Promise<void> {
    await this.#blobs.deleteAll(`sums/round-${round}`);
  }
}

function keyOf(round: number, index: number): string {
  return `sums/round-${round}/${index}`;
}
