/** Uniform integers and exact coin tosses from random bytes. No rounding anywhere: what is drawn has the probability that it is said to have. */
import { createCipheriv, createHash, randomFillSync } from 'node:crypto';
import { InternalError } from '../../errors.ts';

/** Fills the array with random bytes. */
export type ByteSource = (bytes: Uint8Array) => void;

/** Of the operating system's generator. */
export const systemBytes: ByteSource = (bytes) => {
  randomFillSync(bytes);
};

/** The same bytes from the same seed on every machine: AES-256 in counter mode. For tests and demonstrations: who knows the seed knows the noise. */
export function seededBytes(seed: string): ByteSource {
  const key = createHash('sha256').update(seed).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return (bytes) => {
    bytes.set(cipher.update(new Uint8Array(bytes.length)));
  };
}

const BUFFER_BYTES = 32_768;
/** Bits of a digit in which probabilities are compared: as many as an exact double can hold, less one. */
const DIGIT_BITS = 52;
const DIGIT = 2 ** DIGIT_BITS;
const BIG_DIGIT_BITS = BigInt(DIGIT_BITS);

export class RandomIntegers {
  readonly #source: ByteSource;
  readonly #bytes = new Uint8Array(BUFFER_BYTES);
  readonly #words = new Uint32Array(this.#bytes.buffer);
  #next = this.#words.length;

  constructor(source: ByteSource = systemBytes) {
    this.#source = source;
  }

  /** Uniform in 0 … 2^32 − 1. */
  word(): number {
    if (this.#next === this.#words.length) {
      this.#source(this.#bytes);
      this.#next = 0;
    }
    // Used bytes are not kept: they tell the noise.
    const word = this.#words[this.#next]!;
    this.#words[this.#next++] = 0;
    return word;
  }

  /** Uniform in 0 … 2^52 − 1. */
  digit(): number {
    return (this.word() & 0xfffff) * 2 ** 32 + this.word();
  }

  bit(): boolean {
    return (this.word() & 1) === 1;
  }

  /** Uniform in 0 … bound − 1, by rejection. @param bound 1 … 2^52 */
  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > DIGIT)
      throw new InternalError(`no integers below ${bound}`);
    const least = bound <= 2 ** 32 ? 2 ** 32 : DIGIT;
    const limit = least - (least % bound);
    for (;;) {
      const drawn = least === DIGIT ? this.digit() : this.word();
      if (drawn < limit) return drawn % bound;
    }
  }

  /**
   * True with probability numerator / denominator, exactly: digit by digit of the quotient, to the first that differs.
   * @param about the quotient as a double, off by less than `error`: decides nearly all tosses
   * @param exactly numerator and denominator, 0 ≤ numerator ≤ denominator
   */
  toss(
    about: number,
    error: number,
    exactly: () => readonly [numerator: bigint, denominator: bigint],
  ): boolean {
    const drawn = this.digit();
    if ((drawn + 1) / DIGIT <= about - error) return true;
    if (drawn / DIGIT >= about + error) return false;
    const [numerator, denominator] = exactly();
    return this.#tossExactly(BigInt(drawn), numerator, denominator);
  }

  #tossExactly(first: bigint, numerator: bigint, denominator: bigint): boolean {
    let drawn = first;
    let rest = numerator;
    for (;;) {
      if (rest >= denominator) return true;
      // Nothing is below a quotient that has ended.
      if (rest === 0n) return false;
      const quotient = (rest << BIG_DIGIT_BITS) / denominator;
      if (drawn !== quotient) return drawn < quotient;
      rest = (rest << BIG_DIGIT_BITS) - quotient * denominator;
      drawn = BigInt(this.digit());
    }
  }
}
