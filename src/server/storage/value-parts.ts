/** A value that comes in pieces of any size, cut anew into parts of one size. */

/**
 * Parts of `partBytes` each but for the last; none for a value without bytes. A part that lies within a piece is a view of it; at most
 * one part is copied together at a time, and each is a buffer of its own, so that several may be on their way at once.
 */
export function* inParts(pieces: Iterable<Uint8Array>, partBytes: number): Generator<Buffer> {
  let gathered: Buffer | null = null;
  let filled = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const length = Math.min(partBytes - filled, piece.length - at);
      const view = Buffer.from(piece.buffer, piece.byteOffset + at, length);
      at += length;
      if (length === partBytes) yield view;
      else {
        gathered ??= Buffer.allocUnsafe(partBytes);
        gathered.set(view, filled);
        filled += length;
        if (filled === partBytes) {
          yield gathered;
          gathered = null;
          filled = 0;
        }
      }
    }
  }
  if (gathered !== null) yield gathered.subarray(0, filled);
}
