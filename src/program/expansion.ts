/**
 * How far a file from strangers may expand: what it inflates to, and what it describes by less than its bytes, all together and before
 * memory is taken for it. Honest artifacts expand sixty times (weights that repeat along slots); Deflate can a thousand times, and a
 * description of a few numbers without bound.
 */
import { ArtifactError } from '../errors.ts';

const FREE_BYTES = 2 ** 28;
const FACTOR = 128;

/** Of an honest artifact of ResNet-20 six megabytes have 106,000 values and keys. */
const FREE_NODES = 2 ** 18;
const NODES_PER_BYTE = 1 / 4;
const MAX_DEPTH = 64;

/** Bytes that what is read from a file of this size may take. */
export function expansionAllowance(fileBytes: number): number {
  return FREE_BYTES + FACTOR * fileBytes;
}

export class Expansion {
  readonly #fileBytes: number;
  #left: number;

  constructor(fileBytes: number) {
    this.#fileBytes = fileBytes;
    this.#left = expansionAllowance(fileBytes);
  }

  /** What its JSON may hold. */
  get jsonBounds(): { readonly nodes: number; readonly depth: number } {
    return { nodes: FREE_NODES + Math.floor(this.#fileBytes * NODES_PER_BYTE), depth: MAX_DEPTH };
  }

  /** Before memory is taken for them. @throws ArtifactError ARTIFACT_TOO_LARGE */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    throw new ArtifactError(
      'ARTIFACT_TOO_LARGE',
      `the artifact would expand to more than ${expansionAllowance(this.#fileBytes)} bytes, from ${this.#fileBytes}`,
      { hint: 'no compiled model does; get it from where it was made, or compile the model again' },
    );
  }
}
