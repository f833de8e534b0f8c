/**
 * Generalised diagonals (Halevi–Shoup 2014): a non-zero between the input slot s of ciphertext i and the output slot t
 * of ciphertext o lies on diagonal (i, o, s − t mod period of the input). These sets, not the values, decide what a
 * map costs between two frames.
 */
import type { Frame } from './frame.ts';
import type { SparseMatrix } from './sparse-matrix.ts';
import { keptBits, type Target } from './target.ts';
import type { Sparsity } from './translations.ts';

export interface OffsetSets {
  readonly inputs: number;
  readonly outputs: number;
  /** Input period: offsets are residues modulo it. */
  readonly period: number;
  /** sets[i · outputs + o], ascending. */
  readonly sets: readonly Int32Array[];
  readonly total: number;
}

/** Gets the diagonal of a non-zero and the slot of z (before shifts) where its product stands. */
export type EntryVisitor = (
  input: number,
  output: number,
  offset: number,
  slot: number,
  entry: number,
) => void;

/**
 * Visits all non-zeros of `matrix`, once for each copy of the rows that needs another diagonal. `delta` = input shift
 * − output shift: what has to be added to the distances of the unshifted frames.
 */
export function forEachEntry(
  matrix: SparseMatrix,
  source: Frame,
  target: Target,
  delta: number,
  visit: EntryVisitor,
): void {
  const { slotCount, period } = source.layout;
  const { positions } = target.frame.layout;
  const mask = period - 1;
  const kept = keptBits(target);
  const repeats = Math.max(1, period / target.fill);
  for (let row = 0; row < matrix.rows; row++) {
    const output = Math.floor(positions[row]! / slotCount);
    const rowSlot = positions[row]! % slotCount;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const base = rowSlot + repeat * target.fill;
      for (let k = matrix.rowStart[row]!; k < matrix.rowStart[row + 1]!; k++) {
        const position = source.layout.positions[matrix.columns[k]!]!;
        const input = Math.floor(position / slotCount);
        const distance = ((position % slotCount) - base + delta) & mask;
        const offset = distance & kept;
        visit(input, output, offset, base + (distance ^ offset), k);
      }
    }
  }
}

/**
 * The offset sets of a map between two frames, or null as soon as there are more than `limit` diagonals. The inner
 * loop runs millions of times per search and is written out for it.
 */
export function offsetSets(
  matrix: Sparsity,
  source: Frame,
  target: Target,
  delta: number,
  limit: number,
): OffsetSets | null {
  const { slotCount, period, ciphertexts: inputs } = source.layout;
  const outputs = target.frame.layout.ciphertexts;
  const kept = keptBits(target);
  const mask = period - 1;
  const { columns, rowStart } = matrix;
  const { positions } = target.frame.layout;
  const marks = new Uint8Array(inputs * outputs * period);
  const columnBase = new Int32Array(matrix.cols);
  const columnSlot = new Int32Array(matrix.cols);
  for (let c = 0; c < matrix.cols; c++) {
    const position = source.layout.positions[c]!;
    columnBase[c] = Math.floor(position / slotCount) * outputs * period;
    columnSlot[c] = (position % slotCount) + delta;
  }
  const repeats = Math.max(1, period / target.fill);
  let total = 0;
  for (let row = 0; row < matrix.rows; row++) {
    const outputBase = Math.floor(positions[row]! / slotCount) * period;
    const end = rowStart[row + 1]!;
    for (let repeat = 0; repeat < repeats; repeat++) {
      const slot = (positions[row]! % slotCount) + repeat * target.fill;
      for (let k = rowStart[row]!; k < end; k++) {
        const column = columns[k]!;
        const index = columnBase[column]! + outputBase + ((columnSlot[column]! - slot) & mask & kept);
        if (marks[index] === 0) {
          marks[index] = 1;
          total++;
        }
      }
    }
    if (total > limit) return null;
  }
  const sets: Int32Array[] = [];
  for (let pair = 0; pair < inputs * outputs; pair++) sets.push(marked(marks, pair * period, period));
  return { inputs, outputs, period, sets, total };
}

function marked(marks: Uint8Array, start: number, length: number): Int32Array {
  let count = 0;
  for (let i = start; i < start + length; i++) count += marks[i]!;
  const offsets = new Int32Array(count);
  let write = 0;
  for (let i = 0; i < length; i++) if (marks[start + i] === 1) offsets[write++] = i;
  return offsets;
}

/** Adds a constant to every offset. */
export function translate(sets: OffsetSets, delta: number): OffsetSets {
  const mask = sets.period - 1;
  const by = delta & mask;
  if (by === 0) return sets;
  return { ...sets, sets: sets.sets.map((set) => rotated(set, by, mask)) };
}

/** Ascending offsets stay in order but for the tail that wraps around to the front. */
function rotated(offsets: Int32Array, by: number, mask: number): Int32Array {
  let stay = offsets.length;
  while (stay > 0 && offsets[stay - 1]! + by > mask) stay--;
  const moved = new Int32Array(offsets.length);
  const wrapped = offsets.length - stay;
  for (let k = 0; k < offsets.length; k++) {
    moved[k < stay ? wrapped + k : k - stay] = (offsets[k]! + by) & mask;
  }
  return moved;
}

/** The offset after the widest cyclic gap: where counting from makes the set most compact. */
export function compactStart(sets: OffsetSets): number {
  const offsets = union(sets);
  if (offsets.length === 0) return 0;
  let best = 0;
  let widest = -1;
  for (let k = 0; k < offsets.length; k++) {
    const previous = k === 0 ? offsets[offsets.length - 1]! - sets.period : offsets[k - 1]!;
    const gap = offsets[k]! - previous;
    if (gap > widest) {
      widest = gap;
      best = offsets[k]!;
    }
  }
  return best;
}

function union({ sets, period }: OffsetSets): Int32Array {
  const [only] = sets;
  if (sets.length === 1 && only !== undefined) return only;
  const marks = new Uint8Array(period);
  for (const set of sets) for (const offset of set) marks[offset] = 1;
  return marked(marks, 0, period);
}
