/** Uploads of 32-bit words, little endian, as every machine that this runs on. */
import { createHash } from 'node:crypto';
import type { VectorReader } from '../../federation/secure-aggregation/unmask.ts';
import type { ByteReader } from './round-uploads.ts';

export const WORD = 4;
/** Read at a time, in words. */
const READ_WORDS = 65_536;

export function wordReader(read: ByteReader): VectorReader {
  return async (participant, start, length) => wordsOf(await read(participant, WORD * start, WORD * length));
}

/** The whole, in blocks. @param length in words */
export async function* wordBlocks(
  read: ByteReader,
  participant: string,
  length: number,
): AsyncGenerator<Uint32Array<ArrayBuffer>> {
  for (let start = 0; start < length; start += READ_WORDS)
    yield wordsOf(await read(participant, WORD * start, WORD * Math.min(READ_WORDS, length - start)));
}

/** SHA-256, hex. @param length in words */
export async function wordsDigest(read: ByteReader, participant: string, length: number): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of wordBlocks(read, participant, length)) hash.update(block);
  return hash.digest('hex');
}

/** A copy, so that it is aligned. */
function wordsOf(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  return new Uint32Array(bytes.slice().buffer);
}
