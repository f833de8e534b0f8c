/**
 * Checked reading of SEAL's binary pieces: headers, words, arrays of residues, seeds. The rules are those of the C++ reader in
 * `native/format/bytes.h`. Nothing is read beyond the end, and no length is believed before it has been compared.
 */
import { ArtifactError } from '../../../errors.ts';

/** SEALHeader of SEAL 3.6 and later: magic u16, size u8, major u8, minor u8, compression u8, reserved u16, bytes u64. */
const HEADER_BYTES = 16;
const MAGIC = 0xa15e;
/** What node-seal writes, and the one version that it reads as laid out here. */
const MAJOR = 4;
const MINOR = 1;
const COMPRESSIONS: Readonly<Record<number, string>> = { 1: 'zlib', 2: 'zstd' };

const WORD_BYTES = 8;
const PARMS_ID_BYTES = 32;
/** Blake2xb and SHAKE256. */
const GENERATORS = [1, 2];
const SEED_BYTES = 64;

/** What the objects are called in errors, and the code of these. */
export interface Refusal {
  readonly code: 'CIPHERTEXT_INVALID' | 'KEY_INVALID';
  readonly what: string;
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  readonly #refusal: Refusal;
  #at: number;

  /** What the outermost header encloses: all of `bytes`. @throws ArtifactError */
  static whole(bytes: Uint8Array, refusal: Refusal): ByteReader {
    const outer = new ByteReader(bytes, 0, bytes.length, refusal);
    const inner = outer.enclosed();
    outer.end();
    return inner;
  }

  private constructor(bytes: Uint8Array, start: number, end: number, refusal: Refusal) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
    this.#refusal = refusal;
  }

  fail(reason: string): never {
    const { code, what } = this.#refusal;
    throw new ArtifactError(code, `${what} is not valid: ${reason}`);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** Exact up to 2^53; larger words stay larger, so that comparing with a size or count is always right. */
  word(): number {
    return this.#wordAt(this.#take(WORD_BYTES));
  }

  real(): number {
    return this.#view.getFloat64(this.#take(WORD_BYTES), true);
  }

  /** A view. */
  parmsId(): Uint8Array {
    const at = this.#take(PARMS_ID_BYTES);
    return this.#bytes.subarray(at, at + PARMS_ID_BYTES);
  }

  /** A header, and a reader of exactly what it encloses. */
  enclosed(): ByteReader {
    const at = this.#take(HEADER_BYTES);
    const view = this.#view;
    if (view.getUint16(at, true) !== MAGIC || view.getUint8(at + 2) !== HEADER_BYTES) {
      this.fail("it is not in SEAL's format");
    }
    const [major, minor, compression] = [3, 4, 5].map((offset) => view.getUint8(at + offset));
    if (major !== MAJOR || minor !== MINOR) {
      this.fail(`it was written by SEAL ${major}.${minor}, and only version ${MAJOR}.${MINOR} is read`);
    }
    if (compression !== 0) {
      const name = COMPRESSIONS[compression!] ?? `an unknown method, ${compression}`;
      this.fail(`it is compressed with ${name}; save it uncompressed`);
    }
    if (view.getUint16(at + 6, true) !== 0) this.fail('reserved bytes are not zero');
    const size = this.#wordAt(at + WORD_BYTES);
    const available = this.#end - at;
    if (size < HEADER_BYTES || size > available) {
      this.fail(`a header announces ${size} bytes, of which ${available} are there`);
    }
    return new ByteReader(this.#bytes, this.#take(size - HEADER_BYTES), at + size, this.#refusal);
  }

  /** The count of the array that comes next, without reading it. */
  peekArrayCount(): number {
    return new ByteReader(this.#bytes, this.#at, this.#end, this.#refusal).enclosed().word();
  }

  /**
   * An array of `polynomials` · moduli.length · `degree` words, limb after limb, each below its modulus (at most 60 bits). Limbs
   * are copied, one at a time, to where their words are aligned; the copy is wiped.
   */
  residues(polynomials: number, degree: number, moduli: readonly bigint[]): void {
    const count = polynomials * moduli.length * degree;
    const array = this.enclosed();
    const found = array.word();
    if (found !== count) this.fail(`an array holds ${found} words instead of ${count}`);
    let at = array.#take(count * WORD_BYTES);
    array.end();
    const limb = new Uint32Array(2 * degree);
    const limbBytes = new Uint8Array(limb.buffer);
    let wrong = 0;
    for (let p = 0; p < polynomials; p++) {
      for (const modulus of moduli) {
        limbBytes.set(this.#bytes.subarray(at, at + limbBytes.length));
        wrong |= notBelow(limb, modulus);
        at += limbBytes.length;
      }
    }
    limb.fill(0);
    if (wrong !== 0) this.fail('a residue is not below its prime');
  }

  /** UniformRandomGeneratorInfo: what one polynomial is expanded from. */
  seed(): void {
    const inner = this.enclosed();
    const generator = inner.u8();
    if (!GENERATORS.includes(generator)) this.fail(`unknown generator ${generator} of a seed`);
    inner.#take(SEED_BYTES);
    inner.end();
  }

  /** Of `count` words all but the one at `index`, which comes back, must be 0; what stands behind it is read by `use`. */
  listWithOne(count: number, index: number, use: (length: number) => void): void {
    for (let i = 0; i < count; i++) {
      const length = this.word();
      if (i === index) use(length);
      else if (length !== 0) this.fail('it holds a key for another step');
    }
  }

  end(): void {
    if (this.#at !== this.#end) this.fail(`${this.#end - this.#at} bytes too many`);
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#end - at) this.fail(`it ends ${count - (this.#end - at)} bytes too early`);
    this.#at = at + count;
    return at;
  }

  #wordAt(at: number): number {
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
  }
}

/** 1 if any of the little-endian words is `modulus` or more. */
function notBelow(words: Uint32Array, modulus: bigint): number {
  const low = Number(modulus & 0xffffffffn);
  const high = Number(modulus >> 32n);
  let wrong = 0;
  for (let i = 0; i < words.length; i += 2) {
    const top = words[i + 1]!;
    if (top >= high && (top > high || words[i]! >= low)) wrong = 1;
  }
  return wrong;
}
