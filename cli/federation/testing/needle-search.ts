/** Looks for many byte strings at once, in all forms that programs give them, in what is too large to be searched for each. */

/** Forms that hold at least so many bytes of a needle are looked for. */
const LEAST_BYTES = 12;

interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/** As bytes; and as hex and Base64, wherever in a longer text it begins, in strings of one and of two bytes a character. */
export function formsOf(name: string, needle: Uint8Array): Form[] {
  const bytes = Buffer.from(needle);
  const hex = bytes.toString('hex');
  const texts: [form: string, text: string][] = [
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
    ...[0, 1, 2].map((shift): [string, string] => {
      // What the bytes before and after decide, is left out.
      const whole = bytes.subarray(shift, bytes.length - ((bytes.length - shift) % 3));
      return [`Base64 + ${shift}`, whole.toString('base64')];
    }),
  ];
  return [
    { name: `${name}, raw`, bytes },
    ...texts.flatMap(([form, text]) => [
      { name: `${name}, ${form}`, bytes: Buffer.from(text, 'latin1') },
      { name: `${name}, ${form} in UTF-16`, bytes: Buffer.from(text, 'utf16le') },
    ]),
  ];
}

interface Anchored extends Form {
  /** Where in it the four bytes begin by which it is found. */
  readonly anchor: number;
}

/** Needles by the hash of four bytes of each: one pass over a haystack finds all. */
export class NeedleSearch {
  readonly #byAnchor = new Map<number, Anchored[]>();
  readonly #anchors = new Uint8Array(2 ** 21);
  readonly longest: number;

  constructor(needles: Iterable<readonly [name: string, bytes: Uint8Array]>) {
    let longest = 0;
    for (const [name, bytes] of needles) {
      if (bytes.length < LEAST_BYTES)
        throw new RangeError(`a needle of ${bytes.length} bytes is found by chance`);
      for (const form of formsOf(name, bytes)) {
        const anchor = anchorOf(form.bytes);
        const word = form.bytes.readUInt32LE(anchor);
        const those = this.#byAnchor.get(word);
        if (those === undefined) this.#byAnchor.set(word, [{ ...form, anchor }]);
        else those.push({ ...form, anchor });
        const hash = hashOf(word);
        this.#anchors[hash >>> 3] = this.#anchors[hash >>> 3]! | (1 << (hash & 7));
        longest = Math.max(longest, form.bytes.length);
      }
    }
    this.longest = longest;
  }

  /** Names of the forms that are in it. */
  find(haystack: Uint8Array): Set<string> {
    const found = new Set<string>();
    const bytes = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength);
    const anchors = this.#anchors;
    let word = 0;
    for (let end = 0; end < bytes.length; end++) {
      word = (word >>> 8) | (bytes[end]! << 24);
      const hash = hashOf(word);
      if ((anchors[hash >>> 3]! & (1 << (hash & 7))) === 0 || end < 3) continue;
      for (const { name, bytes: form, anchor } of this.#byAnchor.get(word >>> 0) ?? []) {
        const start = end - 3 - anchor;
        const whole = start >= 0 && start + form.length <= bytes.length;
        if (whole && bytes.compare(form, 0, form.length, start, start + form.length) === 0) found.add(name);
      }
    }
    return found;
  }
}

/** The four bytes that are least alike: numbers have zeros, of which memory is full. */
function anchorOf(form: Buffer): number {
  let [best, most] = [0, 0];
  for (let at = 0; at + 4 <= form.length && most < 4; at++) {
    const distinct = new Set(form.subarray(at, at + 4)).size;
    if (distinct > most) [best, most] = [at, distinct];
  }
  return best;
}

/** 24 bits (Knuth's multiplicative hashing). */
function hashOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> 8;
}
