/**
 * The artifact file (.hemodel): bytes ↔ Artifact. Deterministic, integrity-checked, no code.
 *
 *   magic "HEMODEL2" · u32 section count · per section { u32 name, u32 packed length, u32 raw length } · sections · SHA-256
 *
 * All integers little-endian; sections are deflated. Section "json" holds the artifact as canonical JSON in which typed
 * arrays and big integers are references { "$f64": k }, { "$i32": k }, { "$u8": k }, { "$big": "…" }; sections "f64", "i32" and
 * "u8" hold their number, their lengths and the arrays, equal ones stored once. Integers that count in steps, as positions of
 * millions of elements do, are described by the steps: { "$grid": […] }, see `grid-array.ts`. The digest covers everything
 * before it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { deflateSync, inflateSync } from 'node:zlib';
import { ArtifactError, InternalError } from '../errors.ts';
import type { Artifact } from './artifact.ts';
import { parseBoundedJson } from './bounded-json.ts';
import { Expansion, expansionAllowance } from './expansion.ts';
import { describeGrid, expandGrid } from './grid-array.ts';
import { validateArtifact } from './validate-artifact.ts';

const MAGIC = new TextEncoder().encode('HEMODEL2');
const SECTIONS = ['json', 'f64', 'i32', 'u8'] as const;
type SectionName = (typeof SECTIONS)[number];
const DIGEST_BYTES = 32;
/** What one section may have; what all of them may: `expansion.ts`. */
const MAX_RAW_BYTES = 0x7fff_0000;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Pooled = Float64Array | Int32Array | Uint8Array;

/** Typed arrays by content, so that equal ones are stored once. */
class Pool {
  readonly #arrays: Pooled[] = [];
  readonly #indices = new Map<string, number>();

  put(array: Pooled): number {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const key = createHash('sha256').update(bytes).digest('base64') + array.length;
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    const index = this.#arrays.length;
    this.#arrays.push(array);
    this.#indices.set(key, index);
    return index;
  }

  /** u32 count, u32 length of each, zero padding to 8 bytes, then the data of each (a multiple of the element size). */
  bytes(): Uint8Array {
    const header = Math.ceil((4 * (this.#arrays.length + 1)) / 8) * 8;
    const total = this.#arrays.reduce((sum, array) => sum + array.byteLength, header);
    const out = new Uint8Array(total);
    const view = new DataView(out.buffer);
    view.setUint32(0, this.#arrays.length, true);
    let offset = header;
    this.#arrays.forEach((array, index) => {
      view.setUint32(4 * (index + 1), array.length, true);
      out.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), offset);
      offset += array.byteLength;
    });
    return out;
  }
}

function readPool<T extends Pooled, B extends ArrayBuffer | SharedArrayBuffer>(
  bytes: Uint8Array,
  elementSize: number,
  allocate: (bytes: number) => B,
  make: (buffer: B, offset: number, length: number) => T,
): T[] {
  if (bytes.byteLength < 4) throw damaged('array section too short');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  const header = Math.ceil((4 * (count + 1)) / 8) * 8;
  if (header > bytes.byteLength) throw damaged('array section too short');
  // A copy of our own: views below need an aligned buffer, and a Buffer may share a pool.
  const buffer = allocate(bytes.byteLength);
  new Uint8Array(buffer).set(bytes);
  const arrays: T[] = [];
  let offset = header;
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(4 * (index + 1), true);
    if (offset + length * elementSize > bytes.byteLength) throw damaged('array runs past its section');
    arrays.push(make(buffer, offset, length));
    offset += length * elementSize;
  }
  if (offset !== bytes.byteLength) throw damaged('array section has trailing bytes');
  return arrays;
}

/** Canonical JSON: object keys sorted, typed arrays and big integers replaced by references. */
function toJson(value: unknown, pools: Record<'f64' | 'i32' | 'u8', Pool>): Json {
  if (value instanceof Float64Array) return { $f64: pools.f64.put(value) };
  if (value instanceof Int32Array) {
    const grid = describeGrid(value);
    return grid === null ? { $i32: pools.i32.put(value) } : { $grid: grid };
  }
  if (value instanceof Uint8Array) return { $u8: pools.u8.put(value) };
  if (typeof value === 'bigint') return { $big: value.toString() };
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new InternalError(`artifact holds the number ${value}`);
    return value;
  }
  if (Array.isArray(value)) return value.map((entry) => toJson(entry, pools));
  if (typeof value === 'object') {
    const out: { [key: string]: Json } = {};
    for (const [key, entry] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (entry !== undefined) out[key] = toJson(entry, pools);
    }
    return out;
  }
  throw new InternalError(`artifact holds a ${typeof value}`);
}

interface Pools {
  readonly f64: readonly Float64Array[];
  readonly i32: readonly Int32Array[];
  readonly u8: readonly Uint8Array[];
  /** Expanded ones, by description. */
  readonly grids: Map<string, Int32Array>;
  readonly expansion: Expansion;
}

function fromJson(value: Json, pools: Pools): unknown {
  if (Array.isArray(value)) return value.map((entry) => fromJson(entry, pools));
  if (value === null || typeof value !== 'object') return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0]!.startsWith('$')) {
    const [key, entry] = Object.entries(value)[0]!;
    const array =
      key === '$f64'
        ? pools.f64[entry as number]
        : key === '$i32'
          ? pools.i32[entry as number]
          : key === '$u8'
            ? pools.u8[entry as number]
            : undefined;
    if (array !== undefined) return array;
    if (key === '$grid') {
      const description = JSON.stringify(entry);
      const grid = pools.grids.get(description) ?? expandGrid(entry, (bytes) => pools.expansion.take(bytes));
      if (grid !== null) {
        pools.grids.set(description, grid);
        return grid;
      }
    }
    if (key === '$big' && typeof entry === 'string' && /^[0-9]{1,40}$/.test(entry)) return BigInt(entry);
    throw damaged(`bad reference ${key}`);
  }
  return Object.fromEntries(keys.map((key) => [key, fromJson(value[key]!, pools)]));
}

/** Serializes an artifact; equal artifacts give equal bytes. */
export function encodeArtifact(artifact: Artifact): Uint8Array {
  const pools = { f64: new Pool(), i32: new Pool(), u8: new Pool() };
  const json = new TextEncoder().encode(JSON.stringify(toJson(artifact, pools)));
  const raw: Record<SectionName, Uint8Array> = {
    json,
    f64: pools.f64.bytes(),
    i32: pools.i32.bytes(),
    u8: pools.u8.bytes(),
  };
  let packed = SECTIONS.map((name) => deflateSync(raw[name], { level: 6 }));
  // What packs so well that readers would take it for a bomb is stored as it is.
  const [packedBytes, rawBytes] = [packed, Object.values(raw)].map(totalBytes);
  if (rawBytes! > expansionAllowance(packedBytes!)) {
    packed = SECTIONS.map((name) => deflateSync(raw[name], { level: 0 }));
  }
  const header = new Uint8Array(MAGIC.length + 8 * SECTIONS.length);
  header.set(MAGIC);
  const view = new DataView(header.buffer);
  SECTIONS.forEach((name, index) => {
    view.setUint32(MAGIC.length + 8 * index, packed[index]!.byteLength, true);
    view.setUint32(MAGIC.length + 8 * index + 4, raw[name].byteLength, true);
  });
  const body = Buffer.concat([header, ...packed]);
  return new Uint8Array(Buffer.concat([body, createHash('sha256').update(body).digest()]));
}

function totalBytes(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** SHA-256 of an encoded artifact, hex: its identity for keys, ciphertexts and servers. */
export function artifactDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Reads an artifact from untrusted bytes: checks magic, digest, structure, every index and bound, and the security of
 * its parameters.
 * @throws ArtifactError ARTIFACT_DAMAGED, ARTIFACT_INVALID, ARTIFACT_TOO_LARGE, PARAMETERS_INSECURE, PARAMETERS_INVALID
 */
export function decodeArtifact(bytes: Uint8Array): Artifact {
  const headerBytes = MAGIC.length + 8 * SECTIONS.length;
  if (bytes.byteLength < headerBytes + DIGEST_BYTES) throw damaged('too short');
  if (!MAGIC.every((byte, index) => bytes[index] === byte)) {
    throw new ArtifactError('ARTIFACT_INVALID', 'not an artifact of this version (wrong magic number)', {
      hint: 'expected a .hemodel file: "he-compile model.onnx" makes one',
    });
  }
  const body = bytes.subarray(0, bytes.byteLength - DIGEST_BYTES);
  const digest = createHash('sha256').update(body).digest();
  if (!timingSafeEqual(digest, bytes.subarray(bytes.byteLength - DIGEST_BYTES))) {
    throw damaged('the SHA-256 digest does not match');
  }
  const expansion = new Expansion(bytes.byteLength);
  const section = openSections(bytes, body, expansion);
  // The program's numbers are for all workers to read.
  const shared = (size: number): SharedArrayBuffer => new SharedArrayBuffer(size);
  const own = (size: number): ArrayBuffer => new ArrayBuffer(size);
  const json = section('json');
  const pools = {
    f64: readPool(section('f64'), 8, shared, (buffer, at, length) => new Float64Array(buffer, at, length)),
    i32: readPool(section('i32'), 4, shared, (buffer, at, length) => new Int32Array(buffer, at, length)),
    u8: readPool(section('u8'), 1, own, (buffer, at, length) => new Uint8Array(buffer, at, length)),
    grids: new Map<string, Int32Array>(),
    expansion,
  };
  let parsed: Json;
  try {
    parsed = parseBoundedJson(json, expansion.jsonBounds) as Json;
  } catch (cause) {
    throw damaged(
      cause instanceof RangeError ? `its description: ${cause.message}` : 'its description is not JSON',
      cause,
    );
  }
  return validateArtifact(fromJson(parsed, pools));
}

/** All lengths are checked here; each section is inflated when it is asked for, so that none is kept longer than it is read. */
function openSections(
  bytes: Uint8Array,
  body: Uint8Array,
  expansion: Expansion,
): (name: SectionName) => Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<SectionName, { packed: Uint8Array; rawLength: number }>();
  let offset = MAGIC.length + 8 * SECTIONS.length;
  SECTIONS.forEach((name, index) => {
    const packedLength = view.getUint32(MAGIC.length + 8 * index, true);
    const rawLength = view.getUint32(MAGIC.length + 8 * index + 4, true);
    if (rawLength > MAX_RAW_BYTES || offset + packedLength > body.byteLength)
      throw damaged(`section ${name} too long`);
    expansion.take(rawLength);
    found.set(name, { packed: body.subarray(offset, offset + packedLength), rawLength });
    offset += packedLength;
  });
  if (offset !== body.byteLength) throw damaged('trailing bytes');
  return (name) => {
    const { packed, rawLength } = found.get(name)!;
    let raw: Uint8Array;
    try {
      raw = inflateSync(packed, { maxOutputLength: rawLength + 1 });
    } catch (cause) {
      throw damaged(`section ${name} does not inflate`, cause);
    }
    if (raw.byteLength !== rawLength) throw damaged(`section ${name} has the wrong length`);
    return raw;
  };
}

function damaged(what: string, cause?: unknown): ArtifactError {
  return new ArtifactError('ARTIFACT_DAMAGED', `the artifact is damaged: ${what}`, {
    hint: 'copy it again or compile the model again',
    ...(cause === undefined ? {} : { cause }),
  });
}
