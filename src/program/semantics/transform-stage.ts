/** A factor of the transforms between slots and coefficients, baby-step giant-step: what it rotates by, and so which keys it needs. */
import { InternalError } from '../../errors.ts';
import type { ComplexDiagonals } from './slot-transform.ts';

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

/** Steps of the rotations, for which there must be keys at the stage's level; 0 is conjugation. */
export function stageSteps(stage: TransformStage): number[] {
  const { first, stride, giants, slotCount } = transformGrid(stage);
  const steps = Array.from({ length: stage.babies }, (_, b) => (first + stride * b) % slotCount).filter(
    (step) => step !== 0,
  );
  if (giants > 1) steps.push((stride * stage.babies) % slotCount);
  if (stage.real) steps.push(0);
  return [...new Set(steps)];
}

/** Offset = first + stride (babies · giant + baby), modulo the slots. */
export interface TransformGrid {
  readonly slotCount: number;
  /** Of the offsets, counted from −n/2 on; all others are multiples of the stride further. */
  readonly first: number;
  readonly stride: number;
  readonly giants: number;
}

export function transformGrid({ diagonals, babies }: TransformStage): TransformGrid {
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
