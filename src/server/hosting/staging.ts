/**
 * Chunks on their way in: any order, each durable before it is acknowledged, the same bytes acknowledged again, other bytes
 * refused. Nothing is put together here; the evaluation process reads the chunks in order.
 */
import { timingSafeEqual } from 'node:crypto';
import type { BlobStore } from '../storage/blob-store.ts';
import type { MetadataStore } from '../storage/metadata-store.ts';
import type { NamedBlob } from '../storage/near-blobs.ts';
import type { ChunkRecord, UploadOwner } from '../storage/records.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { decodeChunk, sha256Of } from '../protocol/identifiers.ts';
import type { StorageRoom } from './storage-room.ts';

export interface ChunkArrival {
  readonly fileName: string;
  readonly chunkIndex: number;
  readonly totalChunks: number;
  readonly chunkText: string;
  readonly chunkSha256: string | undefined;
}

export interface StagingBounds {
  readonly maxChunkBytes: number;
  /** All chunks of this owner. */
  readonly ownerBytes: number;
  /** All chunks of this client. */
  readonly clientBytes: number;
  readonly files: number;
  /** Throws once the owner takes nothing more; asked again after a chunk has been written, which takes time. */
  readonly requireOpen?: () => void | Promise<void>;
}

export interface Acknowledgement {
  readonly file_name: string;
  readonly chunk_index: number;
  readonly chunk_bytes: number;
  readonly complete: boolean;
}

export interface FileState {
  readonly file_name: string;
  readonly total_chunks: number;
  readonly received_chunks: number;
  readonly received_bytes: number;
  /** Ranges [first, last] of missing indices, at most 64 of them. */
  readonly missing: number[][];
}

export interface StagedFile {
  readonly fileName: string;
  /** In order. */
  readonly chunks: readonly NamedBlob[];
  readonly bytes: number;
}

/** Whether there is still reason to remove it: nothing of that client comes in while it is asked. */
export type StillSo = () => Promise<boolean>;

const ALWAYS: StillSo = () => Promise.resolve(true);
const MAX_RANGES = 64;
/** How far into a file the kind of a container can be told; its header starts with it. */
const SNIFF_BYTES = 64;

export class Staging {
  readonly #store: MetadataStore;
  readonly #blobs: BlobStore;
  readonly #room: Pick<StorageRoom, 'hold'>;

  constructor(store: MetadataStore, blobs: BlobStore, room: Pick<StorageRoom, 'hold'>) {
    this.#room = room;
    this.#store = store;
    this.#blobs = blobs;
  }

  /** @throws ToolError ERROR_CHUNK_…, ERROR_QUOTA_EXCEEDED, ERROR_STORAGE_FULL or ERROR_SECRET_KEY_REFUSED */
  async accept(owner: UploadOwner, arrival: ChunkArrival, bounds: StagingBounds): Promise<Acknowledgement> {
    const { fileName, chunkIndex, totalChunks } = arrival;
    if (chunkIndex >= totalChunks) {
      throw new ToolError(
        'ERROR_CHUNK_INVALID',
        `chunk_index ${chunkIndex} of ${totalChunks} chunks: the first is 0`,
      );
    }
    const bytes = decodeChunk(arrival.chunkText, bounds.maxChunkBytes);
    const digest = sha256Of(bytes);
    if (arrival.chunkSha256 !== undefined && arrival.chunkSha256 !== digest) {
      throw new ToolError('ERROR_CHUNK_INVALID', 'the chunk does not have the SHA-256 that was announced');
    }
    const record: ChunkRecord = { index: chunkIndex, bytes: bytes.length, sha256: digest };
    // One at a time for each client, so that bounds hold whatever arrives at once.
    return this.#store.exclusive(owner.clientId, async () => {
      await bounds.requireOpen?.();
      if (!(await this.#isNew(owner, arrival, record))) return this.#acknowledge(owner, arrival, record);
      await this.#refuseSecretKey(owner, arrival, bytes);
      await this.#requireRoom(owner, fileName, bytes.length, bounds);
      using _ = await this.#room.hold(owner.clientId, bytes.length);
      const upload = await this.#store.beginUpload({ owner, fileName, totalChunks });
      if (upload.totalChunks !== totalChunks) throw otherTotal(upload.totalChunks, totalChunks);
      await this.#blobs.put(chunkKey(owner, fileName, chunkIndex), [bytes]);
      await bounds.requireOpen?.();
      await this.#store.putChunk(owner, fileName, record);
      return this.#acknowledge(owner, arrival, record);
    });
  }

  async files(owner: UploadOwner): Promise<FileState[]> {
    const states: FileState[] = [];
    for (const { fileName, totalChunks } of await this.#store.uploads(owner)) {
      const chunks = await this.#store.chunks(owner, fileName);
      states.push({
        file_name: fileName,
        total_chunks: totalChunks,
        received_chunks: chunks.length,
        received_bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
        missing: missingRanges(chunks, totalChunks),
      });
    }
    return states;
  }

  /** @throws ToolError ERROR_UPLOAD_INCOMPLETE */
  async complete(owner: UploadOwner): Promise<StagedFile[]> {
    const uploads = await this.#store.uploads(owner);
    if (uploads.length === 0) throw new ToolError('ERROR_UPLOAD_INCOMPLETE', 'nothing was uploaded');
    const files: StagedFile[] = [];
    for (const { fileName, totalChunks } of uploads) {
      const chunks = await this.#store.chunks(owner, fileName);
      if (chunks.length !== totalChunks) {
        throw new ToolError(
          'ERROR_UPLOAD_INCOMPLETE',
          `${chunks.length} of ${totalChunks} chunks of ${fileName} have arrived`,
        );
      }
      files.push({
        fileName,
        chunks: chunks.map(({ index, ...blob }) => ({ ...blob, key: chunkKey(owner, fileName, index) })),
        bytes: chunks.reduce((sum, { bytes }) => sum + bytes, 0),
      });
    }
    return files;
  }

  /** Records first: what a crash leaves are bytes that nothing names, and removing an owner again removes them. */
  async remove(owner: UploadOwner, still: StillSo = ALWAYS): Promise<void> {
    await this.#store.exclusive(owner.clientId, async () => {
      if (!(await still())) return;
      await this.#store.deleteUploads(owner);
      await this.#blobs.deleteAll(ownerPrefix(owner));
    });
  }

  /** The inputs of an owner that keeps what else it has. */
  async removeInputs(owner: UploadOwner, still: StillSo = ALWAYS): Promise<void> {
    await this.#store.exclusive(owner.clientId, async () => {
      if (!(await still())) return;
      const uploads = await this.#store.uploads(owner);
      await this.#store.deleteUploads(owner);
      for (const { fileName } of uploads) await this.#blobs.deleteAll(inputPrefix(owner, fileName));
    });
  }

  /** @throws ToolError ERROR_CHUNK_CONFLICT */
  async #isNew(
    owner: UploadOwner,
    { fileName, totalChunks }: ChunkArrival,
    chunk: ChunkRecord,
  ): Promise<boolean> {
    const upload = await this.#store.upload(owner, fileName);
    if (upload === null) return true;
    if (upload.totalChunks !== totalChunks) throw otherTotal(upload.totalChunks, totalChunks);
    const before = await this.#store.chunk(owner, fileName, chunk.index);
    if (before === null) return true;
    if (timingSafeEqual(Buffer.from(before.sha256), Buffer.from(chunk.sha256))) return false;
    throw new ToolError(
      'ERROR_CHUNK_CONFLICT',
      `other bytes have arrived for chunk ${chunk.index} of ${fileName}`,
    );
  }

  async #requireRoom(
    owner: UploadOwner,
    fileName: string,
    bytes: number,
    bounds: StagingBounds,
  ): Promise<void> {
    const uploads = await this.#store.uploads(owner);
    if (uploads.length >= bounds.files && !uploads.some((upload) => upload.fileName === fileName)) {
      throw new ToolError('ERROR_QUOTA_EXCEEDED', `at most ${bounds.files} files are taken here`);
    }
    if ((await this.#store.stagedBytes(owner.clientId, owner)) + bytes > bounds.ownerBytes) {
      throw new ToolError(
        'ERROR_QUOTA_EXCEEDED',
        `more than the ${bounds.ownerBytes} bytes that can be needed here`,
      );
    }
    if ((await this.#store.stagedBytes(owner.clientId)) + bytes > bounds.clientBytes) {
      throw new ToolError(
        'ERROR_QUOTA_EXCEEDED',
        `more than ${bounds.clientBytes} bytes are stored for this client`,
      );
    }
  }

  /**
   * §2.7: a container of a secret key is refused as soon as its beginning tells, whatever chunks that comes in; with a first chunk of the
   * usual size before a byte of it is written. What has come of it goes.
   */
  async #refuseSecretKey(
    owner: UploadOwner,
    { fileName, chunkIndex }: ChunkArrival,
    bytes: Buffer,
  ): Promise<void> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    let concerned = false;
    for (let index = 0; length < SNIFF_BYTES; index++) {
      concerned ||= index === chunkIndex;
      if (index !== chunkIndex && (await this.#store.chunk(owner, fileName, index)) === null) break;
      const piece = index === chunkIndex ? bytes : await this.#blobs.get(chunkKey(owner, fileName, index));
      pieces.push(piece.subarray(0, SNIFF_BYTES));
      length += piece.length;
    }
    if (!concerned || !Buffer.concat(pieces).subarray(0, SNIFF_BYTES).includes('"kind":"secret-key"')) return;
    await this.#store.deleteUploads(owner);
    await this.#blobs.deleteAll(ownerPrefix(owner));
    throw new ToolError('ERROR_SECRET_KEY_REFUSED', 'this is a secret key: it must never leave its owner');
  }

  async #acknowledge(
    owner: UploadOwner,
    { fileName, totalChunks }: ChunkArrival,
    chunk: ChunkRecord,
  ): Promise<Acknowledgement> {
    return {
      file_name: fileName,
      chunk_index: chunk.index,
      chunk_bytes: chunk.bytes,
      complete: (await this.#store.upload(owner, fileName))?.receivedChunks === totalChunks,
    };
  }
}

/** Where everything of an owner lies. */
export function ownerPrefix({ clientId, kind, id }: UploadOwner): string {
  return `${kind}/${clientId}/${id.replace(/^hekey:/, '')}`;
}

function inputPrefix(owner: UploadOwner, fileName: string): string {
  return `${ownerPrefix(owner)}/in-${fileName}`;
}

function chunkKey(owner: UploadOwner, fileName: string, index: number): string {
  return `${inputPrefix(owner, fileName)}/${index}`;
}

function missingRanges(chunks: readonly ChunkRecord[], total: number): number[][] {
  const ranges: number[][] = [];
  let next = 0;
  for (const index of [...chunks.map((chunk) => chunk.index), total]) {
    if (index > next && ranges.length < MAX_RANGES) ranges.push([next, index - 1]);
    next = index + 1;
  }
  return ranges;
}

function otherTotal(first: number, now: number): ToolError {
  return new ToolError('ERROR_CHUNK_CONFLICT', `total_chunks was ${first} at first and is ${now} now`);
}
