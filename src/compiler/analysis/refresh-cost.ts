/** What a refresh costs, from what its parts do: transforms, the raising of the modulus, the sine. */
import type { CkksParameters } from '../../program/security.ts';
import { CountingAlgebra } from '../../program/semantics/counting-algebra.ts';
import { evaluateSine } from '../../program/semantics/evaluate-sine.ts';
import { refreshParameters, refreshShape } from '../../program/semantics/refresh-plan.ts';
import { stageSteps, transformGrid, type TransformShape } from '../../program/semantics/transform-stage.ts';
import { operationMs, type CostModel, type RefreshCosts } from './cost-model.ts';

/**
 * @param cost of everything else under these parameters
 * @param raiseMs what raising the modulus takes
 */
export function refreshCosts(parameters: CkksParameters, cost: CostModel, raiseMs: number): RefreshCosts {
  const { slotsToCoefficients, coefficientsToSlots, sine, sineLevel } = refreshShape(parameters);
  const stages = [...slotsToCoefficients, ...coefficientsToSlots];
  let ms = raiseMs;
  const algebra = new CountingAlgebra(
    cost.slotCount,
    parameters.dataPrimes.map(Number),
    (operation, level) => {
      ms += operationMs(cost, operation, level);
    },
  );
  const scale = 2 ** refreshParameters(parameters).raisedBits;
  evaluateSine(algebra, sine, sineLevel, { level: sineLevel, scale, degree: 1 });
  const sumOver = (of: (stage: TransformShape) => number): number =>
    stages.reduce((sum, stage) => sum + of(stage), 0);
  const perDiagonal = (unit: 'expand' | 'diagonalBytes' | 'coefficientBytes'): number =>
    sumOver((stage) => transformGrid(stage).diagonals * cost.linear(stage.level)[unit]);
  return {
    ms: ms + sumOver((stage) => stageMs(stage, cost)),
    expand: perDiagonal('expand'),
    diagonalBytes: perDiagonal('diagonalBytes'),
    coefficientBytes: perDiagonal('coefficientBytes'),
  };
}

function stageMs(stage: TransformShape, cost: CostModel): number {
  const { open, baby, giant, term, output } = cost.linear(stage.level);
  const { giants, diagonals } = transformGrid(stage);
  const rotated = stageSteps(stage).length - (giants > 1 ? 1 : 0);
  const sums = giants - 1 + (stage.real ? 1 : 0);
  return open + rotated * baby + sums * giant + diagonals * term + output;
}
