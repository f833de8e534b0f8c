/** What a refresh costs, from what its parts do: transforms, the raising of the modulus, the sine. */
import { extendedLimbs, limbBytes } from '../../program/native-keys.ts';
import type { CkksParameters } from '../../program/security.ts';
import { CountingAlgebra } from '../../program/semantics/counting-algebra.ts';
import { evaluateSine } from '../../program/semantics/evaluate-sine.ts';
import { refreshParameters, refreshShape, type RefreshStep } from '../../program/semantics/refresh-plan.ts';
import {
  babySteps,
  residueShare,
  transformGrid,
  type TransformShape,
} from '../../program/semantics/transform-stage.ts';
import {
  operationMs,
  type CostModel,
  type LinearCosts,
  type RefreshCosts,
  type RefreshStepCosts,
} from './cost-model.ts';

/**
 * @param cost of everything else under these parameters
 * @param raiseMs what raising the modulus takes
 */
export function refreshCosts(parameters: CkksParameters, cost: CostModel, raiseMs: number): RefreshCosts {
  const { slotsToCoefficients, coefficientsToSlots, sine, sineLevel } = refreshShape(parameters);
  const stages = [...slotsToCoefficients, ...coefficientsToSlots];
  let sineMs = 0;
  const algebra = new CountingAlgebra(
    cost.slotCount,
    parameters.dataPrimes.map(Number),
    (operation, level) => {
      sineMs += operationMs(cost, operation, level);
    },
  );
  const scale = 2 ** refreshParameters(parameters).raisedBits;
  evaluateSine(algebra, sine, sineLevel, { level: sineLevel, scale, degree: 1 });
  const perDiagonal = (
    of: readonly TransformShape[],
    unit: 'expand' | 'diagonalBytes' | 'coefficientBytes',
  ): number =>
    sum(of.map((stage) => transformGrid(stage).diagonals * diagonalCost(stage, cost, parameters)[unit]));
  const transform = (step: RefreshStep, of: readonly TransformShape[]): RefreshStepCosts => ({
    step,
    ms: sum(of.map((stage) => stageMs(stage, cost))),
    expand: perDiagonal(of, 'expand'),
  });
  const steps = [
    transform('slots to coefficients', slotsToCoefficients),
    { step: 'raise', ms: raiseMs, expand: 0 },
    transform('coefficients to slots', coefficientsToSlots),
    { step: 'sine', ms: sineMs, expand: 0 },
  ] as const;
  return {
    ms: sum(steps.map(({ ms }) => ms)),
    expand: sum(steps.map(({ expand }) => expand)),
    steps,
    diagonalBytes: perDiagonal(stages, 'diagonalBytes'),
    coefficientBytes: perDiagonal(stages, 'coefficientBytes'),
  };
}

/** What one diagonal takes. Where residues come in runs they are kept, as words, coefficients never. */
function diagonalCost(
  stage: TransformShape,
  cost: CostModel,
  parameters: CkksParameters,
): Pick<LinearCosts, 'expand' | 'diagonalBytes' | 'coefficientBytes'> {
  const costs = cost.linear(stage.level);
  const share = residueShare(stage);
  if (share === 1) return costs;
  const bytes = share * extendedLimbs(parameters, stage.level) * limbBytes(parameters);
  return { expand: 0, diagonalBytes: bytes, coefficientBytes: bytes };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function stageMs(stage: TransformShape, cost: CostModel): number {
  const { open, baby, giant, term, output } = cost.linear(stage.level);
  const { giants, diagonals } = transformGrid(stage);
  const sums = giants - 1 + (stage.real ? 1 : 0);
  return open + babySteps(stage).length * baby + sums * giant + diagonals * term + output;
}
