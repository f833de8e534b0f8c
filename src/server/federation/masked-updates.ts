/** Masked updates of a round on the aggregator's disk: uploaded in chunks, read in blocks, gone with the round. */
import type { VectorReader } from '../../federation/secure-aggregation/unmask.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { Acknowledgement, FileState, Staging } from '../hosting/staging.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { UploadOwner } from '../storage/records.ts';

/** Uploads have one file. */
export const UPDATE_FILE = 'update';
const WORD = 4;
/** Read at a time, in words. */
const READ_WORDS = 65_536;

export interface UpdateChunk {
  readonly chunkIndex: number;
  readonly totalChunks: number;
  readonly chunkText: string;
  readonly chunkSha256: string | undefined;
}

interface Piece {
  readonly key: string;
  readonly words: number;
}

export class MaskedUpdates {
  readonly #staging: Staging;
  readonly #blobs: BlobStore;
  readonly #maxChunkBytes: number;

  constructor(staging: Staging, blobs: BlobStore, maxChunkBytes: number) {
    this.#staging = staging;
    this.#blobs = blobs;
    this.#maxChunkBytes = maxChunkBytes;
  }

  /** @param requireOpen throws once no more is taken */
  accept(
    clientId: string,
    round: number,
    length: number,
    chunk: UpdateChunk,
    requireOpen: () => void,
  ): Promise<Acknowledgement> {
    const bytes = WORD * length;
    return this.#staging.accept(
      ownerOf(clientId, round),
      { fileName: UPDATE_FILE, ...chunk },
      // Of the round before, chunks may still be on their way out.
      {
        maxChunkBytes: this.#maxChunkBytes,
        ownerBytes: bytes,
        clientBytes: 2 * bytes,
        files: 1,
        requireOpen,
      },
    );
  }

  files(clientId: string, round: number): FileState[] {
    return this.#staging.files(ownerOf(clientId, round));
  }

  /** The whole, once it has arrived. @throws ToolError ERROR_UPLOAD_INCOMPLETE, ERROR_INVALID_UPDATE */
  async *blocks(clientId: string, round: number): AsyncGenerator<Uint32Array> {
    for (const { key, words } of await this.#pieces(clientId, round))
      for (let start = 0; start < words; start += READ_WORDS)
        yield wordsOf(
          await this.#blobs.getRange(key, WORD * start, WORD * Math.min(READ_WORDS, words - start)),
        );
  }

  /** @returns what reads parts of the updates of several participants; of each it keeps no more than sizes */
  reader(round: number): VectorReader {
    const pieces = new Map<string, readonly Piece[]>();
    return async (participant, start, length) => {
      const those = pieces.get(participant) ?? (await this.#pieces(participant, round));
      pieces.set(participant, those);
      const words = new Uint32Array(length);
      let [at, filled] = [0, 0];
      for (const piece of those) {
        const from = start + filled - at;
        at += piece.words;
        if (filled === length || from >= piece.words) continue;
        const take = Math.min(length - filled, piece.words - from);
        words.set(wordsOf(await this.#blobs.getRange(piece.key, WORD * from, WORD * take)), filled);
        filled += take;
      }
      return words.subarray(0, filled);
    };
  }

  async remove(clientId: string, round: number): Promise<void> {
    await this.#staging.remove(ownerOf(clientId, round));
  }

  async #pieces(clientId: string, round: number): Promise<readonly Piece[]> {
    const files = this.#staging.complete(ownerOf(clientId, round));
    const pieces: Piece[] = [];
    for (const key of files[0]!.chunks) {
      const bytes = await this.#blobs.size(key);
      if (bytes % WORD !== 0)
        throw new ToolError('ERROR_INVALID_UPDATE', `chunks hold whole elements, ${WORD} bytes each`);
      pieces.push({ key, words: bytes / WORD });
    }
    return pieces;
  }
}

function ownerOf(clientId: string, round: number): UploadOwner {
  return { clientId, kind: 'update', id: `round-${round}` };
}

/** Little endian, as every machine that this runs on; a copy, so that it is aligned. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.slice().buffer);
}
