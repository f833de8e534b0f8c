/** Looks for bytes that must not be there: as they are, and inside of Base64, whatever it is wrapped in. */

const BASE64_RUN = /[A-Za-z0-9+/]{24,}={0,2}/g;

/** A haystack of messages or files; every piece is searched raw and with each of its Base64 runs decoded. */
export class Haystack {
  readonly #pieces: { readonly name: string; readonly bytes: Buffer }[] = [];

  add(name: string, bytes: Uint8Array | string): void {
    const raw = typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.from(bytes);
    this.#pieces.push({ name, bytes: raw });
    for (const [run] of raw.toString('latin1').matchAll(BASE64_RUN)) {
      this.#pieces.push({ name: `${name} (Base64)`, bytes: Buffer.from(run, 'base64') });
    }
  }

  get bytes(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.bytes.length, 0);
  }

  /** Names of the pieces that hold any of the needles. */
  find(needles: readonly Buffer[]): string[] {
    return this.#pieces
      .filter(({ bytes }) => needles.some((needle) => bytes.includes(needle)))
      .map(({ name }) => name);
  }
}

/** Pieces of `length` bytes that are not all alike, spread over `bytes`. */
export function needlesOf(bytes: Uint8Array, length: number, count: number): Buffer[] {
  const needles: Buffer[] = [];
  const step = Math.max(1, Math.floor((bytes.length - length) / (4 * count)));
  for (let at = 0; at + length <= bytes.length && needles.length < count; at += step) {
    const needle = Buffer.from(bytes.subarray(at, at + length));
    if (new Set(needle).size > length / 3) needles.push(needle);
  }
  return needles;
}

/** Numbers as programs write them: float64 and float32, little-endian, in pairs; and as text. */
export function numberNeedles(values: readonly number[]): Buffer[] {
  const needles: Buffer[] = [];
  for (let i = 0; i + 1 < values.length; i++) {
    const pair = [values[i]!, values[i + 1]!];
    if (pair[0] === pair[1] || pair.includes(0)) continue;
    needles.push(Buffer.from(Float64Array.from(pair).buffer), Buffer.from(Float32Array.from(pair).buffer));
    const text = String(values[i]);
    if (text.length >= 8) needles.push(Buffer.from(text));
  }
  return needles;
}
