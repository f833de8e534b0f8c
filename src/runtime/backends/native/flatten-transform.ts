/** A factor of the transforms between slots and coefficients as the engine takes it: babies, and giants one into the other. */
import { InternalError } from '../../../errors.ts';
import type { ComplexDiagonals, ComplexSlots } from '../../../program/semantics/slot-transform.ts';
import type { FlatLinear } from './flatten-linear.ts';

export interface TransformStage {
  readonly diagonals: ComplexDiagonals;
  /** Rotations that share one decomposition; giants take one key for all. */
  readonly babies: number;
  /** Of the input; the result is one below. */
  readonly level: number;
  readonly inputScale: number;
  readonly outputScale: number;
  /** Whether the conjugate is added: of what is half as large, that leaves the real part. */
  readonly real: boolean;
}

/** Steps of the rotations, all of them keys at the stage's level; 0 is conjugation. */
export function stageSteps(stage: TransformStage): number[] {
  const { first, stride, giants, slotCount } = gridOf(stage);
  const steps = Array.from({ length: stage.babies }, (_, b) => (first + stride * b) % slotCount).filter(
    (step) => step !== 0,
  );
  if (giants > 1) steps.push((stride * stage.babies) % slotCount);
  if (stage.real) steps.push(0);
  return [...new Set(steps)];
}

/** @param prime q_level */
export function flattenTransform(stage: TransformStage, prime: number): FlatLinear {
  const { first, stride, giants, slotCount } = gridOf(stage);
  const { babies, level, inputScale, outputScale, diagonals } = stage;
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

interface Grid {
  readonly slotCount: number;
  /** Of the offsets, counted from −n/2 on; all others are multiples of the stride further. */
  readonly first: number;
  readonly stride: number;
  readonly giants: number;
}

function gridOf({ diagonals, babies }: TransformStage): Grid {
  const slotCount = diagonals.values().next().value?.re.length;
  if (slotCount === undefined) throw new InternalError('a transform has diagonals');
  const offsets = [...diagonals.keys()].map((offset) =>
    offset >= slotCount / 2 ? offset - slotCount : offset,
  );
  const [first, last] = [Math.min(...offsets), Math.max(...offsets)];
  const stride = offsets.reduce((divisor, offset) => greatestDivisor(divisor, offset - first), 0) || 1;
  const giants = Math.ceil(((last - first) / stride + 1) / babies);
  return { slotCount, first: (first + slotCount) % slotCount, stride, giants };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
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
