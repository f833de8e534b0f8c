/** Which evaluation keys a list of instructions needs, and up to which level each of them. */
import type { ParametersLiteral } from './parameters.ts';
import { isSealShaped } from './parameters.ts';
import type { Instruction, RotationKey } from './program.ts';

export interface KeyNeeds {
  /** Ascending by step, each step once. */
  readonly rotationKeys: readonly RotationKey[];
  /** The relinearization key's level; null if none is needed. */
  readonly relinearizationLevel: number | null;
}

/**
 * Every key at the highest level at which it is used: a key truncated there has fewer digits and fewer limbs. In SEAL's
 * shape keys always cover the whole chain, since SEAL knows no others.
 */
export function keyNeeds(
  instructions: readonly Instruction[],
  parameters: Pick<ParametersLiteral, 'scheme' | 'dataPrimes' | 'specialPrimes' | 'dnum'>,
): KeyNeeds {
  const top = parameters.dataPrimes.length - 1;
  const atLeast = isSealShaped(parameters) ? top : 0;
  const levels = new Map<number, number>();
  let relinearizationLevel: number | null = null;
  for (const instruction of instructions) {
    const level = Math.max(instruction.level, atLeast);
    if (relinearizes(instruction)) relinearizationLevel = Math.max(relinearizationLevel ?? 0, level);
    forEachKeyedStep(instruction, (step) => levels.set(step, Math.max(levels.get(step) ?? 0, level)));
  }
  const rotationKeys = [...levels]
    .sort(([a], [b]) => a - b)
    .map(([step, level]): RotationKey => ({ step, level }));
  return { rotationKeys, relinearizationLevel };
}

/** Whether the instruction multiplies ciphertexts. */
export function relinearizes(instruction: Instruction): boolean {
  switch (instruction.kind) {
    case 'linear':
      return false;
    case 'polynomial':
      return instruction.degree > 1;
    case 'product':
      return true;
  }
}

/** Visits every key switch by a Galois key that running the instruction step by step takes. */
export function forEachKeyedStep(instruction: Instruction, visit: (step: number) => void): void {
  if (instruction.kind !== 'linear') return;
  for (const { via } of instruction.babies) via.forEach(visit);
  for (const { giants, reductions } of instruction.outputs) {
    for (const { via } of giants) via.forEach(visit);
    for (const via of reductions) via.forEach(visit);
  }
}
