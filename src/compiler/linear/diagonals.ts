/** Fills in the diagonals of a planned map. Only the final plan is ever built; searches count offsets alone. */
import { InternalError } from '../../errors.ts';
import { fromDense, type SlotVector } from '../../program/slot-vector.ts';
import { babyOf } from './baby-giant.ts';
import type { Placement } from './frame.ts';
import { modulo } from './frame.ts';
import { forEachEntry } from './offsets.ts';
import type { SparseMatrix } from './sparse-matrix.ts';
import type { TransformPlan } from './transform.ts';

/** One term: output ciphertext `output`, Σ diagonal ⊙ rotate(input ciphertext `input`, baby), rotated by giant. */
export interface Diagonal {
  readonly input: number;
  readonly output: number;
  readonly baby: number;
  readonly giant: number;
  readonly vector: SlotVector;
}

interface Entries {
  readonly input: number;
  readonly output: number;
  readonly offset: number;
  slots: Int32Array;
  values: Float64Array;
  count: number;
}

/** All diagonals of `plan`, sorted by output, giant, input and baby. */
export function buildDiagonals(
  sources: readonly { readonly matrix: SparseMatrix; readonly placement: Placement }[],
  plan: TransformPlan,
  slotCount: number,
): Diagonal[] {
  const { target } = plan;
  const shift = plan.anchor + plan.origin;
  const scratch = new Float64Array(slotCount);
  const diagonals: Diagonal[] = [];
  let firstInput = 0;
  for (const { matrix, placement } of sources) {
    const { period, ciphertexts } = placement.frame.layout;
    const stride = Math.max(target.fill, period);
    for (const entries of collect(matrix, placement, plan)) {
      const offset = modulo(entries.offset - plan.origin, period);
      const baby = babyOf(plan.split, offset);
      const giant = offset - baby;
      scratch.fill(0);
      for (let k = 0; k < entries.count; k++) {
        // Giant steps rotate the sum to the left afterwards, so the diagonal stands further to the right.
        const slot = modulo(entries.slots[k]! + shift + giant, slotCount);
        for (let copy = 0; copy < slotCount; copy += stride) {
          const at = (slot + copy) % slotCount;
          if (scratch[at] !== 0)
            throw new InternalError('two entries of a map meet in one slot of a diagonal');
          scratch[at] = entries.values[k]!;
        }
      }
      const vector = fromDense(scratch);
      diagonals.push({ input: firstInput + entries.input, output: entries.output, baby, giant, vector });
    }
    firstInput += ciphertexts;
  }
  return diagonals.sort(
    (x, y) => x.output - y.output || x.giant - y.giant || x.input - y.input || x.baby - y.baby,
  );
}

/** Groups the non-zeros by input ciphertext, output ciphertext and offset (before the origin is taken off). */
function collect(matrix: SparseMatrix, placement: Placement, plan: TransformPlan): Entries[] {
  const { target } = plan;
  const { period } = placement.frame.layout;
  const outputs = target.frame.layout.ciphertexts;
  const groups = new Map<number, Entries>();
  const delta = placement.shift - plan.anchor;
  forEachEntry(matrix, placement.frame, target, delta, (input, output, offset, slot, entry) => {
    if (matrix.values[entry] === 0) return;
    const key = (input * outputs + output) * period + offset;
    let group = groups.get(key);
    if (group === undefined) {
      group = { input, output, offset, slots: new Int32Array(16), values: new Float64Array(16), count: 0 };
      groups.set(key, group);
    }
    if (group.count === group.slots.length) grow(group);
    group.slots[group.count] = slot;
    group.values[group.count++] = matrix.values[entry]!;
  });
  return [...groups.values()];
}

function grow(group: Entries): void {
  const slots = new Int32Array(group.count * 2);
  slots.set(group.slots);
  group.slots = slots;
  const values = new Float64Array(group.count * 2);
  values.set(group.values);
  group.values = values;
}
