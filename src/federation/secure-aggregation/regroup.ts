/** Blocks of any size → blocks of one size. */
import { createHash } from 'node:crypto';
import { ProtocolError } from '../../errors.ts';
import type { Blocks } from '../update/quantise.ts';
import { BLOCK_ELEMENTS } from './mask-stream.ts';

/**
 * Blocks of `BLOCK_ELEMENTS`, the last one shorter; each is the caller's own.
 * @throws ProtocolError FEDERATION_UPDATE_INVALID unless there are `length` elements in all
 */
export async function* inBlocks(
  source: Blocks<Int32Array | Uint32Array>,
  length: number,
): AsyncGenerator<Uint32Array<ArrayBuffer>> {
  let [filled, taken] = [0, 0];
  let block = new Uint32Array(Math.min(BLOCK_ELEMENTS, length));
  for await (const piece of source) {
    taken += piece.length;
    if (taken > length) throw wrongLength(`more than ${length}`);
    for (let start = 0; start < piece.length;) {
      const part = piece.subarray(start, start + block.length - filled);
      block.set(part, filled);
      start += part.length;
      filled += part.length;
      if (filled < block.length) continue;
      const full = block;
      block = new Uint32Array(Math.min(BLOCK_ELEMENTS, length - taken + piece.length - start));
      filled = 0;
      yield full;
    }
  }
  if (taken !== length) throw wrongLength(`${taken}, not ${length}`);
}

/** SHA-256, hex, of a vector and of each of its blocks: four bytes an element, little endian. */
export async function digestsOf(
  source: Blocks<Int32Array | Uint32Array>,
  length: number,
): Promise<{ readonly digest: string; readonly blocks: readonly string[] }> {
  const whole = createHash('sha256');
  const blocks: string[] = [];
  for await (const block of inBlocks(source, length)) {
    blocks.push(createHash('sha256').update(block).digest('hex'));
    whole.update(block);
  }
  return { digest: whole.digest('hex'), blocks };
}

function wrongLength(found: string): ProtocolError {
  return new ProtocolError('FEDERATION_UPDATE_INVALID', `a vector has ${found} elements`);
}
