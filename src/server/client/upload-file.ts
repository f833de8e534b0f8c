/** Files in chunks, over as many calls as it takes: what the server has already is not sent again. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { MAX_CHUNKS, sha256Of } from '../protocol/identifiers.ts';
import { ToolError } from '../protocol/error-codes.ts';

export interface LocalFile {
  readonly fileName: string;
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Chunk {
  readonly fileName: string;
  readonly index: number;
  readonly total: number;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** What the server has of a file; nothing if it is not listed. */
export interface RemoteFile {
  readonly file_name: string;
  readonly total_chunks: number;
  /** Ranges [first, last]. */
  readonly missing: readonly (readonly number[])[];
}

export interface UploadPlan {
  readonly chunkBytes: number;
  /** Chunks on their way at once. */
  readonly parallel: number;
}

/** @param sent hears the bytes that have arrived, those of earlier attempts included */
export async function uploadFiles(
  files: readonly LocalFile[],
  remote: readonly RemoteFile[],
  { chunkBytes, parallel }: UploadPlan,
  send: (chunk: Chunk) => Promise<void>,
  sent: (bytes: number) => void,
): Promise<void> {
  for (const file of files) {
    const total = chunkCount(file, chunkBytes);
    const missing = missingIndices(
      remote.find(({ file_name }) => file_name === file.fileName),
      file,
      total,
    );
    const sizeOf = (index: number): number => Math.min(chunkBytes, file.bytes - index * chunkBytes);
    const missingBytes = missing.reduce((sum, index) => sum + sizeOf(index), 0);
    sent(file.bytes - missingBytes);
    await using handle = await open(file.path, 'r');
    const queue = missing.values();
    const worker = async (): Promise<void> => {
      for (const index of queue) {
        const bytes = await readChunk(handle, index * chunkBytes, sizeOf(index));
        await send({ fileName: file.fileName, index, total, bytes, sha256: sha256Of(bytes) });
        sent(bytes.length);
      }
    };
    await allOrFirstFailure(Array.from({ length: Math.max(1, Math.min(parallel, missing.length)) }, worker));
  }
}

/** SHA-256, hex, of a file, without having it in memory. */
export async function digestOfFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await using handle = await open(path, 'r');
  for await (const piece of handle.createReadStream({ autoClose: false })) {
    hash.update(piece as Buffer);
    bytes += (piece as Buffer).length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

function chunkCount({ bytes, fileName }: LocalFile, chunkBytes: number): number {
  const total = Math.max(1, Math.ceil(bytes / chunkBytes));
  if (total > MAX_CHUNKS)
    throw new ToolError(
      'ERROR_CHUNK_INVALID',
      `${fileName} would have ${total} chunks, at most ${MAX_CHUNKS}`,
    );
  return total;
}

/** An interrupted upload continues only in chunks of the size that it was begun with. */
function missingIndices(remote: RemoteFile | undefined, file: LocalFile, total: number): number[] {
  if (remote === undefined || remote.total_chunks === 0)
    return Array.from({ length: total }, (_, index) => index);
  if (remote.total_chunks !== total) {
    throw new ToolError(
      'ERROR_CHUNK_CONFLICT',
      `${file.fileName} was begun in ${remote.total_chunks} chunks, and has ${total} now: the server has changed its limit`,
    );
  }
  return indicesOf(remote.missing, total);
}

/** In ascending order, each once, none that there is not: however many ranges are listed, and however they overlap. */
function indicesOf(ranges: RemoteFile['missing'], total: number): number[] {
  const edges = new Int32Array(total + 1);
  for (const [first = 0, last = -1] of ranges) {
    const [from, to] = [Math.max(0, first), Math.min(last, total - 1)];
    if (from > to) continue;
    edges[from]!++;
    edges[to + 1]!--;
  }
  const indices: number[] = [];
  for (let index = 0, open = 0; index < total; index++) {
    open += edges[index]!;
    if (open > 0) indices.push(index);
  }
  return indices;
}

async function readChunk(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0)
      throw new ToolError('ERROR_INVALID_INPUT', 'a file became shorter while it was sent');
    filled += bytesRead;
  }
  return bytes;
}

/** Waits for all, so that nothing runs on behind an error. */
async function allOrFirstFailure(tasks: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
