/** Which evaluation keys a list of instructions needs, and up to which level each of them. */
import type { ParametersLiteral } from './parameters.ts';
import { isSealShaped } from './parameters.ts';
import type { Instruction, RefreshKeys, RotationKey } from './program.ts';
import { refreshShape } from './semantics/refresh-plan.ts';
import { stageSteps } from './semantics/transform-stage.ts';

export interface KeyNeeds {
  /** Ascending by step, each step once. */
  readonly rotationKeys: readonly RotationKey[];
  /** The relinearization key's level; null if none is needed. */
  readonly relinearizationLevel: number | null;
  /** Left out where nothing is refreshed. */
  readonly refreshKeys?: RefreshKeys;
}

type Chain = Pick<
  ParametersLiteral,
  'scheme' | 'polyModulusDegree' | 'dataPrimes' | 'specialPrimes' | 'dnum' | 'refresh'
>;

/**
 * Every key at the highest level at which it is used: a key truncated there has fewer digits and fewer limbs. In SEAL's
 * shape keys always cover the whole chain, since SEAL knows no others.
 */
export function keyNeeds(instructions: readonly Instruction[], parameters: Chain): KeyNeeds {
  const top = parameters.dataPrimes.length - 1;
  const atLeast = isSealShaped(parameters) ? top : 0;
  const levels = new Map<number, number>();
  let relinearizationLevel: number | null = null;
  const rotates = (step: number, level: number): void => {
    levels.set(step, Math.max(levels.get(step) ?? 0, level, atLeast));
  };
  const multiplies = (level: number): void => {
    relinearizationLevel = Math.max(relinearizationLevel ?? 0, level, atLeast);
  };
  for (const instruction of instructions) {
    if (relinearizes(instruction)) multiplies(instruction.level);
    forEachKeyedStep(instruction, (step) => rotates(step, instruction.level));
  }
  // Whatever is refreshed, and how often, takes the same keys.
  const refreshes = instructions.some(({ kind }) => kind === 'refresh');
  const refresh = refreshes ? refreshKeyNeeds(parameters) : null;
  if (refresh !== null) {
    multiplies(refresh.relinearizationLevel);
    for (const { step, level } of refresh.rotationKeys) rotates(step, level);
  }
  const rotationKeys = [...levels]
    .sort(([a], [b]) => a - b)
    .map(([step, level]): RotationKey => ({ step, level }));
  return {
    rotationKeys,
    relinearizationLevel,
    ...(refresh === null
      ? {}
      : {
          refreshKeys: {
            ...refresh.refreshKeys,
            conjugationLevel: Math.max(refresh.refreshKeys.conjugationLevel, atLeast),
          },
        }),
  };
}

/** What refreshes under a chain need; the rotation keys in the order of the transforms, with a step once for each. */
export function refreshKeyNeeds(
  parameters: Chain,
): Required<KeyNeeds> & { readonly relinearizationLevel: number } {
  const { slotsToCoefficients, coefficientsToSlots, sineLevel, raiseLevel } = refreshShape(parameters);
  return {
    rotationKeys: [...slotsToCoefficients, ...coefficientsToSlots].flatMap((stage) =>
      stageSteps(stage).map((step): RotationKey => ({ step, level: stage.level })),
    ),
    relinearizationLevel: sineLevel,
    refreshKeys: { conjugationLevel: coefficientsToSlots.at(-1)!.level, raiseLevel },
  };
}

/** Whether the instruction itself multiplies ciphertexts; refreshes do, within: `refreshKeyNeeds`. */
export function relinearizes(instruction: Instruction): boolean {
  switch (instruction.kind) {
    case 'linear':
    case 'refresh':
      return false;
    case 'polynomial':
      return instruction.degree > 1;
    case 'product':
      return true;
  }
}

/** Visits every key switch by a Galois key that running the instruction step by step takes; of refreshes none, see `refreshKeyNeeds`. */
export function forEachKeyedStep(instruction: Instruction, visit: (step: number) => void): void {
  if (instruction.kind !== 'linear') return;
  for (const { via } of instruction.babies) via.forEach(visit);
  for (const { giants, reductions } of instruction.outputs) {
    for (const { via } of giants) via.forEach(visit);
    for (const via of reductions) via.forEach(visit);
  }
}
