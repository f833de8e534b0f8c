/** A factor of the transforms between slots and coefficients as the engine takes it: babies, and giants one into the other. */
import type { ComplexDiagonals, ComplexSlots } from '../../../program/semantics/slot-transform.ts';
import type { TransformStage } from '../../../program/semantics/transform-stage.ts';
import { transformGrid } from '../../../program/semantics/transform-stage.ts';
import type { FlatLinear } from './flatten-linear.ts';

/** @param prime q_level */
export function flattenTransform(
  stage: TransformStage,
  diagonals: ComplexDiagonals,
  prime: number,
): FlatLinear {
  const { first, stride, giants } = transformGrid(stage);
  const { slotCount, babies, level, inputScale, outputScale } = stage;
  const factor = stage.real ? 0.5 : 1;
  const words = [level, babies];
  for (let b = 0; b < babies; b++) {
    const step = (first + stride * b) % slotCount;
    words.push(0, -1, ...(step === 0 ? [0] : [1, step]), step);
  }
  const values: Float64Array[] = [];
  words.push(1, giants);
  for (let g = giants - 1; g >= 0; g--) {
    const step = (stride * babies * g) % slotCount;
    const terms: number[] = [];
    for (let b = 0; b < babies; b++) {
      const diagonal = diagonals.get((first + stride * b + step) % slotCount);
      if (diagonal === undefined) continue;
      terms.push(b, values.length);
      values.push(movedRight(diagonal, step, factor));
    }
    // Children first: each flows into the one that comes next, the last into the output.
    words.push(g === 0 ? -1 : giants - g);
    words.push(...(g === 0 ? [0] : [1, (stride * babies) % slotCount]));
    words.push(terms.length / 2, ...terms);
  }
  words.push(...(stage.real ? [1, 1, 0] : [0]), -1);
  return {
    structure: Int32Array.from(words),
    plainScales: Float64Array.of((outputScale * prime) / inputScale),
    outputScale,
    values,
    positions: values.map(() => null),
  };
}

/** Real parts and then imaginary ones, times a factor, as they stand before a rotation to the left by `step`. */
function movedRight({ re, im }: ComplexSlots, step: number, factor: number): Float64Array {
  const n = re.length;
  const result = new Float64Array(2 * n);
  for (let i = 0; i < n; i++) {
    const to = (i + step) % n;
    result[to] = factor * re[i]!;
    result[n + to] = factor * im[i]!;
  }
  return result;
}
