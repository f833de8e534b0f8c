/** Changes to serialized objects of SEAL that know their layout: headers, counts, identifiers, seeds, whole words. */
import { deflateSync, zstdCompressSync } from 'node:zlib';

const HEADER_BYTES = 16;
const ZLIB = 1;
const ZSTD = 2;
/** What follows a header within so many bytes are fields: identifier, flags, counts, scale. */
const FIELD_BYTES = 112;
/** A seed with its header. */
const SEED_BYTES = 81;
/** An unfolded bomb is larger than any object here; as bytes it is some tens of kilobytes. */
const BOMB_BYTES = 2 ** 25;

interface Header {
  readonly at: number;
  readonly size: number;
}

export type Random = () => number;

export class ObjectMutator {
  #random: Random = Math.random;
  readonly #others: readonly Uint8Array[];
  readonly #bombs: readonly { readonly compression: number; readonly bytes: Uint8Array }[];

  /** @param others objects of which pieces are taken: other kinds, other levels, other keys */
  constructor(others: readonly Uint8Array[]) {
    this.#others = others;
    const zeros = new Uint8Array(BOMB_BYTES);
    this.#bombs = [
      { compression: ZLIB, bytes: deflateSync(zeros) },
      { compression: ZSTD, bytes: zstdCompressSync(zeros) },
    ];
  }

  /** A changed copy, by one to three changes that `random` chooses. */
  mutate(original: Uint8Array, random: Random): Uint8Array {
    this.#random = random;
    let bytes: Uint8Array = original.slice();
    for (let left = 1 + this.#below(3); left > 0; left--) bytes = this.#change(bytes);
    return bytes;
  }

  #change(bytes: Uint8Array): Uint8Array {
    if (bytes.length < HEADER_BYTES) return this.#noise(1 + this.#below(200));
    const headers = findHeaders(bytes);
    const at = this.#place(bytes, headers);
    switch (this.#below(14)) {
      case 0:
      case 1:
        bytes[at]! ^= 1 << this.#below(8);
        return bytes;
      case 2:
        bytes[at] = this.#below(256);
        return bytes;
      case 3:
        return bytes.slice(0, at);
      case 4:
        return concat(bytes, this.#noise(1 + this.#below(64)));
      case 5:
        return this.#resized(bytes, headers, at, false);
      case 6:
        return this.#resized(bytes, headers, at, true);
      case 7:
      case 8:
        return this.#word(bytes, at);
      case 9:
        return this.#real(bytes, at);
      case 10:
        return this.#splice(bytes, at);
      case 11:
        return this.#identifier(bytes, headers);
      case 12:
        return this.#compress(bytes, headers);
      default:
        return this.#header(bytes, headers);
    }
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  /** Zeros, random bytes, or a piece of another object. */
  #noise(count: number): Uint8Array {
    const noise = new Uint8Array(count);
    if (this.#random() < 0.3) return noise;
    if (count <= 64) return noise.map(() => this.#below(256));
    const other = this.#pick(this.#others);
    noise.set(other.subarray(this.#below(other.length)).subarray(0, count));
    return noise;
  }

  /** Two thirds of the places are fields behind a header, or a seed at the end; the rest is anywhere. */
  #place(bytes: Uint8Array, headers: readonly Header[]): number {
    const kind = this.#random();
    const { at } = headers.length === 0 ? { at: 0 } : this.#pick(headers);
    if (kind < 0.5) return Math.min(bytes.length - 1, at + this.#below(FIELD_BYTES));
    if (kind < 0.65) return Math.max(0, bytes.length - 1 - this.#below(SEED_BYTES));
    return this.#below(bytes.length);
  }

  /** Inserts or removes bytes, whole words often; consistently, all headers around it say so. */
  #resized(bytes: Uint8Array, headers: readonly Header[], at: number, consistent: boolean): Uint8Array {
    const unit = this.#random() < 0.5 ? 1 : this.#pick([8, 8 * 2048, 8 * 1024]);
    const count = unit * (1 + this.#below(8));
    const insert = this.#random() < 0.5;
    const removed = insert ? 0 : Math.min(count, bytes.length - at);
    const added = insert ? this.#noise(Math.min(count, 2 ** 16)) : new Uint8Array();
    const result = concat(bytes.subarray(0, at), added, bytes.subarray(at + removed));
    if (!consistent) return result;
    for (const header of headers) {
      const around = header.at + HEADER_BYTES <= at && at <= header.at + header.size;
      if (around) setWord(result, header.at + 8, BigInt(header.size + added.length - removed));
    }
    return result;
  }

  #word(bytes: Uint8Array, at: number): Uint8Array {
    const values = [
      ...[0n, 1n, 2n, 3n, 4n, 5n, 16n, 17n, 255n, 1024n, 2047n, 2048n, 4096n, 6144n, 8192n, 65537n, 114689n],
      ...[31n, 32n, 40n, 53n, 60n, 61n, 63n].flatMap((bits) => [1n << bits, (1n << bits) - 1n]),
      (1n << 64n) - 1n,
      BigInt(bytes.length),
    ];
    setWord(bytes, at, this.#pick(values));
    return bytes;
  }

  #real(bytes: Uint8Array, at: number): Uint8Array {
    const values = [NaN, Infinity, -Infinity, -1, 0, -0, 5e-324, 1e308, 0.5, 2, 1024, 1024.0000001, 2 ** 38];
    if (at + 8 > bytes.length) return bytes;
    new DataView(bytes.buffer, bytes.byteOffset).setFloat64(at, this.#pick(values), true);
    return bytes;
  }

  #splice(bytes: Uint8Array, at: number): Uint8Array {
    const other = this.#pick(this.#others);
    const long = this.#random() < 0.2;
    const length = Math.min(bytes.length - at, other.length, 1 + this.#below(long ? 40_000 : 128));
    const aligned =
      this.#random() < 0.5 ? Math.min(at, other.length - length) : this.#below(other.length - length);
    bytes.set(other.subarray(aligned, aligned + length), at);
    return bytes;
  }

  /** That of another level, kind or key, in one place or in all. */
  #identifier(bytes: Uint8Array, headers: readonly Header[]): Uint8Array {
    const id = this.#pick(this.#others).subarray(HEADER_BYTES, HEADER_BYTES + 32);
    const places = this.#random() < 0.5 ? headers : headers.slice(0, 1);
    for (const { at } of places) {
      if (at + HEADER_BYTES + id.length <= bytes.length) bytes.set(id, at + HEADER_BYTES);
    }
    return bytes;
  }

  /** What one header encloses, honestly compressed, or a bomb in its place. */
  #compress(bytes: Uint8Array, headers: readonly Header[]): Uint8Array {
    if (headers.length === 0) return bytes;
    const target = this.#random() < 0.5 ? headers[0]! : this.#pick(headers);
    const end = Math.min(bytes.length, target.at + target.size);
    const honest = this.#random() < 0.03 ? bytes.subarray(target.at + HEADER_BYTES, end) : null;
    const bomb = this.#pick(this.#bombs);
    const compression = honest === null ? bomb.compression : this.#pick([ZLIB, ZSTD]);
    const content =
      honest === null ? bomb.bytes : compression === ZLIB ? deflateSync(honest) : zstdCompressSync(honest);
    const begin = target.at + HEADER_BYTES;
    const result = concat(bytes.subarray(0, begin), content, bytes.subarray(end));
    result[target.at + 5] = compression;
    const change = begin + content.length - end;
    for (const header of headers) {
      if (header.at <= target.at && end <= header.at + header.size)
        setWord(result, header.at + 8, BigInt(Math.max(0, header.size + change)));
    }
    return result;
  }

  #header(bytes: Uint8Array, headers: readonly Header[]): Uint8Array {
    if (headers.length === 0) return bytes;
    const { at, size } = this.#pick(headers);
    const field = this.#below(6);
    if (field === 5) {
      setWord(bytes, at + 8, BigInt(this.#pick([0, 15, 16, 17, size - 1, size + 1, 2 ** 32, 2 ** 63])));
    } else {
      bytes[at + [2, 3, 4, 5, 6][field]!] = this.#pick([0, 1, 2, 3, 4, 5, 6, 16, 255]);
    }
    return bytes;
  }
}

/** Wherever SEAL's mark and the header's length stand. */
function findHeaders(bytes: Uint8Array): Header[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const headers: Header[] = [];
  for (
    let at = view.indexOf(MARK);
    at !== -1 && at + HEADER_BYTES <= bytes.length;
    at = view.indexOf(MARK, at + 1)
  ) {
    headers.push({ at, size: Number(view.readBigUInt64LE(at + 8)) });
  }
  return headers;
}

const MARK = Buffer.from([0x5e, 0xa1, 0x10]);

function setWord(bytes: Uint8Array, at: number, value: bigint): void {
  if (at + 8 <= bytes.length) new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(at, value, true);
}

function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;
}
