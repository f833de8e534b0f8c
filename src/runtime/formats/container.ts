/**
 * The one binary format of keys and ciphertexts: "HECT", format version (u32), header length (u32), all little-endian;
 * a JSON header with the kind and the length of each blob; the blobs; the SHA-256 of everything before it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ArtifactError } from '../../errors.ts';
import { parseBoundedJson } from '../../program/bounded-json.ts';

export type ContainerKind = 'evaluation-keys' | 'secret-key' | 'public-key' | 'ciphertexts';

/** As messages call them. */
export const KIND_NAMES: Readonly<Record<ContainerKind, string>> = {
  'evaluation-keys': 'evaluation keys',
  'secret-key': 'a secret key',
  'public-key': 'a public key',
  ciphertexts: 'ciphertexts',
};

export interface Container {
  readonly kind: ContainerKind;
  /** Facts about the blobs; JSON. */
  readonly meta: Readonly<Record<string, unknown>>;
  readonly blobs: readonly Uint8Array[];
}

const MAGIC = 'HECT';
/** 2 added the key set; 3 names the scheme, not the backend, and the level of each key. */
const VERSION = 3;
const PREFIX_BYTES = 12;
const DIGEST_BYTES = 32;
const MAX_HEADER_BYTES = 1 << 24;
const MAX_BLOBS = 1 << 20;
/** A length for each blob, and some facts. */
const HEADER_BOUNDS = { nodes: 2 * MAX_BLOBS, depth: 32 };

/** In pieces, so that gigabytes of keys need not be copied to be written. */
export function containerChunks(container: Container): Uint8Array[] {
  const { kind, meta, blobs } = container;
  const header = Buffer.from(JSON.stringify({ kind, meta, blobs: blobs.map((blob) => blob.length) }));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt32LE(VERSION, 4);
  prefix.writeUInt32LE(header.length, 8);
  const chunks: Uint8Array[] = [prefix, header, ...blobs];
  return [...chunks, digestOf(chunks)];
}

export function encodeContainer(container: Container): Uint8Array {
  const chunks = containerChunks(container);
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

/**
 * Strict: every byte is accounted for. Blobs are views of `bytes`.
 * @throws ArtifactError CONTAINER_INVALID, CONTAINER_VERSION, CONTAINER_KIND, or SECRET_KEY_REFUSED
 */
export function decodeContainer(bytes: Uint8Array, kind: ContainerKind): Container {
  const headerLength = headerLengthOf(bytes.subarray(0, PREFIX_BYTES), bytes.length);
  const blobStart = PREFIX_BYTES + headerLength;
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, blobStart), kind, bytes.length - blobStart);
  const bodyEnd = bytes.length - DIGEST_BYTES;
  requireDigest(digestOf([bytes.subarray(0, bodyEnd)]), bytes.subarray(bodyEnd));
  let offset = blobStart;
  const blobs = header.lengths.map((length) => bytes.subarray(offset, (offset += length)));
  return { kind, meta: header.meta, blobs };
}

/** Bytes in pieces of any size, `length` in all. */
export interface ByteStream {
  readonly length: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * The same of what comes in pieces, none of which is held when the next is asked for: each blob has a buffer of its own, and all is
 * hashed once.
 * @returns with the container the SHA-256 of the whole stream
 */
export async function readContainer(
  { length, pieces }: ByteStream,
  kind: ContainerKind,
): Promise<{ readonly container: Container; readonly sha256: Uint8Array }> {
  const reader = new HashingReader(pieces);
  const headerLength = headerLengthOf(await reader.take(PREFIX_BYTES), length);
  const rest = length - PREFIX_BYTES - headerLength;
  const header = parseHeader(await reader.take(headerLength), kind, rest);
  const blobs: Uint8Array[] = [];
  for (const size of header.lengths) blobs.push(await reader.take(size));
  const computed = reader.digest();
  requireDigest(computed, await reader.take(DIGEST_BYTES));
  await reader.requireEnd();
  return { container: { kind, meta: header.meta, blobs }, sha256: reader.digest() };
}

class HashingReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #hash = createHash('sha256');
  #piece: Uint8Array = new Uint8Array();

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  async take(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      if (!(await this.#more())) throw invalid('it ends early');
      const part = this.#piece.subarray(0, length - at);
      this.#hash.update(part);
      bytes.set(part, at);
      at += part.length;
      this.#piece = this.#piece.subarray(part.length);
    }
    return bytes;
  }

  /** Of everything taken so far. */
  digest(): Uint8Array {
    return this.#hash.copy().digest();
  }

  async requireEnd(): Promise<void> {
    if (await this.#more()) throw invalid('there is more behind its end');
  }

  async #more(): Promise<boolean> {
    while (this.#piece.length === 0) {
      const next = await this.#pieces.next();
      if (next.done === true) return false;
      this.#piece = next.value;
    }
    return true;
  }
}

/** @param total bytes of the whole */
function headerLengthOf(prefix: Uint8Array, total: number): number {
  if (total < PREFIX_BYTES + DIGEST_BYTES) throw invalid(`only ${total} bytes`);
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const magic = Buffer.from(prefix.subarray(0, 4)).toString('latin1');
  if (magic !== MAGIC) throw invalid('it does not begin with the mark of this format');
  const version = view.getUint32(4, true);
  if (version !== VERSION) {
    throw new ArtifactError(
      'CONTAINER_VERSION',
      `the file has format version ${version}, this program reads version ${VERSION}`,
      {
        hint:
          version < VERSION
            ? 'it was made by an older he-compile: make keys and ciphertexts again'
            : 'it was made by a newer he-compile: update this one',
      },
    );
  }
  const headerLength = view.getUint32(8, true);
  if (headerLength > MAX_HEADER_BYTES || PREFIX_BYTES + headerLength > total - DIGEST_BYTES) {
    throw invalid(`a header of ${headerLength} bytes in a file of ${total}`);
  }
  return headerLength;
}

function requireDigest(computed: Uint8Array, found: Uint8Array): void {
  if (!timingSafeEqual(computed, found)) throw invalid('its checksum is wrong');
}

/** @param rest bytes behind the header */
function parseHeader(
  bytes: Uint8Array,
  expected: ContainerKind,
  rest: number,
): { meta: Record<string, unknown>; lengths: number[] } {
  let parsed: unknown;
  try {
    parsed = parseBoundedJson(bytes, HEADER_BOUNDS);
  } catch (error) {
    throw invalid(error instanceof RangeError ? `its header: ${error.message}` : 'its header is not JSON');
  }
  if (!isRecord(parsed)) throw invalid('its header is not an object');
  const { kind, meta, blobs } = parsed;
  if (!isRecord(meta)) throw invalid('its header has no facts');
  if (!Array.isArray(blobs) || blobs.length > MAX_BLOBS) throw invalid('its header has no list of lengths');
  const lengths = blobs.map((length: unknown) => {
    if (!isCount(length)) throw invalid('its header has a bad length');
    return length;
  });
  refuseOtherKind(kind, expected);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total !== rest - DIGEST_BYTES) throw invalid(`${total} bytes announced, ${rest - DIGEST_BYTES} there`);
  return { meta, lengths };
}

function refuseOtherKind(found: unknown, expected: ContainerKind): void {
  if (found === expected) return;
  if (found === 'secret-key') {
    throw new ArtifactError(
      'SECRET_KEY_REFUSED',
      `expected ${KIND_NAMES[expected]}, found a secret key: it must never leave its owner`,
      {
        hint: `pass ${KIND_NAMES[expected]} instead, and keep the secret key where the results are decrypted`,
      },
    );
  }
  throw new ArtifactError(
    'CONTAINER_KIND',
    `expected ${KIND_NAMES[expected]}, found ${isKind(found) ? KIND_NAMES[found] : 'an unknown kind'}`,
  );
}

function isKind(value: unknown): value is ContainerKind {
  return typeof value === 'string' && Object.hasOwn(KIND_NAMES, value);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function invalid(reason: string): ArtifactError {
  return new ArtifactError(
    'CONTAINER_INVALID',
    `the file is damaged or not one of this program's: ${reason}`,
  );
}

function digestOf(chunks: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  // Node hashes at most 2^31 − 1 bytes at once.
  const piece = 2 ** 30;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += piece) hash.update(chunk.subarray(at, at + piece));
  }
  return hash.digest();
}
