/**
 * JSON from strangers: how much it holds is counted on its bytes before anything is built of it. A megabyte of JSON can be a
 * million objects, whose making, walking and freeing takes a hundred times the time and memory of their text; and what is nested
 * a million deep overflows the stack of whoever walks it.
 */

export interface JsonBounds {
  /** Values and keys, all together. */
  readonly nodes: number;
  /** Arrays and objects within each other. */
  readonly depth: number;
}

/** What is exceeded. */
export type JsonExcess = 'too many values' | 'nested too deeply';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** By byte: 1 where it is one of the above that mean something outside of strings. */
const STRUCTURE = new Uint8Array(256);
for (const byte of [QUOTE, COMMA, COLON, OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE])
  STRUCTURE[byte] = 1;

/** Strings this long are left by a search for their end, which is ten times as fast as looking at each byte; others are not worth it. */
const LONG_STRING = 64;

/**
 * Counts what stands outside of strings: each comma, colon and opening bracket comes with one value or key at most. Text that is no JSON
 * is counted alike, and refused by the parser. Takes its text in pieces, as they arrive.
 */
export class JsonCounter {
  readonly #bounds: JsonBounds;
  #nodes = 1;
  #depth = 0;
  #inString = false;
  /** The next byte belongs to the backslash before. */
  #escaped = false;

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds;
  }

  /** Null while all is within bounds. */
  take(piece: Uint8Array): JsonExcess | null {
    const { length } = piece;
    for (let at = 0; at < length;) {
      if (this.#inString) {
        at = this.#leaveString(piece, at);
        continue;
      }
      while (at < length && STRUCTURE[piece[at]!] === 0) at++;
      switch (piece[at++] ?? 0) {
        case QUOTE:
          this.#inString = true;
          break;
        case OPEN_BRACE:
        case OPEN_BRACKET:
          if (++this.#depth > this.#bounds.depth) return 'nested too deeply';
          if (++this.#nodes > this.#bounds.nodes) return 'too many values';
          break;
        case CLOSE_BRACE:
        case CLOSE_BRACKET:
          this.#depth--;
          break;
        case COMMA:
        case COLON:
          if (++this.#nodes > this.#bounds.nodes) return 'too many values';
          break;
        default:
      }
    }
    return null;
  }

  /** Where to go on: behind the closing quote, or at the end of the piece. */
  #leaveString(piece: Uint8Array, from: number): number {
    const { length } = piece;
    let at = from;
    if (this.#escaped) {
      this.#escaped = false;
      at++;
    }
    const near = Math.min(length, at + LONG_STRING);
    while (at < near) {
      const byte = piece[at++];
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) {
        this.#inString = false;
        return at;
      }
    }
    if (at >= length) {
      // A backslash was the last byte.
      this.#escaped = at > length;
      return length;
    }
    const quote = piece.indexOf(QUOTE, at);
    const end = quote === -1 ? length : quote;
    let backslashes = 0;
    while (end - backslashes > at && piece[end - backslashes - 1] === BACKSLASH) backslashes++;
    const odd = backslashes % 2 === 1;
    if (quote === -1) {
      this.#escaped = odd;
      return length;
    }
    if (!odd) this.#inString = false;
    return quote + 1;
  }
}

/** @throws SyntaxError if it is no JSON in UTF-8, RangeError naming what is exceeded */
export function parseBoundedJson(bytes: Uint8Array, bounds: JsonBounds): unknown {
  const excess = new JsonCounter(bounds).take(bytes);
  if (excess !== null) throw new RangeError(excess);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError('not UTF-8');
  }
  return JSON.parse(text);
}
