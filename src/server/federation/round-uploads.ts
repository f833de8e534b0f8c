/** What participants upload in a round, on the aggregator's disk: arrives in chunks, is read in parts, and goes with the round. */
import { ToolError } from '../protocol/error-codes.ts';
import type { Acknowledgement, FileState, Staging } from '../hosting/staging.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import type { UploadOwner } from '../storage/records.ts';

/** Uploads have one file. */
export const UPDATE_FILE = 'update';

export interface UpdateChunk {
  readonly chunkIndex: number;
  readonly totalChunks: number;
  readonly chunkText: string;
  readonly chunkSha256: string | undefined;
}

/** Bytes `start` to `start + length` of what a participant has uploaded; fewer where it ends. */
export type ByteReader = (participant: string, start: number, length: number) => Promise<Uint8Array>;

interface Piece {
  readonly key: string;
  readonly bytes: number;
}

export class RoundUploads {
  readonly #staging: Staging;
  readonly #blobs: BlobStore;
  readonly #maxChunkBytes: number;

  constructor(staging: Staging, blobs: BlobStore, maxChunkBytes: number) {
    this.#staging = staging;
    this.#blobs = blobs;
    this.#maxChunkBytes = maxChunkBytes;
  }

  /**
   * @param bytes of the whole
   * @param requireOpen throws once no more is taken
   */
  accept(
    clientId: string,
    round: number,
    bytes: number,
    chunk: UpdateChunk,
    requireOpen: () => void,
  ): Promise<Acknowledgement> {
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

  files(clientId: string, round: number): Promise<FileState[]> {
    return this.#staging.files(ownerOf(clientId, round));
  }

  /**
   * @returns what reads parts of the uploads of several participants; of each it keeps no more than sizes. It throws ToolError
   *   ERROR_UPLOAD_INCOMPLETE for one that has not arrived.
   */
  reader(round: number): ByteReader {
    const pieces = new Map<string, readonly Piece[]>();
    return async (participant, start, length) => {
      const those = pieces.get(participant) ?? (await this.#pieces(participant, round));
      pieces.set(participant, those);
      const bytes = new Uint8Array(length);
      let [at, filled] = [0, 0];
      for (const piece of those) {
        const from = start + filled - at;
        at += piece.bytes;
        if (filled === length || from >= piece.bytes) continue;
        const take = Math.min(length - filled, piece.bytes - from);
        bytes.set(await this.#blobs.getRange(piece.key, from, take), filled);
        filled += take;
      }
      return bytes.subarray(0, filled);
    };
  }

  /** @throws ToolError ERROR_INVALID_UPDATE unless it has so many bytes */
  async requireSize(clientId: string, round: number, bytes: number): Promise<void> {
    const pieces = await this.#pieces(clientId, round);
    const found = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
    if (found !== bytes)
      throw new ToolError('ERROR_INVALID_UPDATE', `an upload of ${found} bytes, not of ${bytes}`);
  }

  async remove(clientId: string, round: number): Promise<void> {
    await this.#staging.remove(ownerOf(clientId, round));
  }

  async #pieces(clientId: string, round: number): Promise<readonly Piece[]> {
    const files = await this.#staging.complete(ownerOf(clientId, round));
    return files[0]!.chunks;
  }
}

function ownerOf(clientId: string, round: number): UploadOwner {
  return { clientId, kind: 'update', id: `round-${round}` };
}
