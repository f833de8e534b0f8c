/** Turns planned maps into rotation demands: what `select-rotations` chooses keys for, and `emit-packed` routes. */
import type { CostModel } from '../analysis/cost-model.ts';
import type { RotationTree } from '../linear/rotation-tree.ts';
import type { TransformPlan } from '../linear/transform.ts';

/** The rotations of one linear map. */
export interface RotationDemand {
  /** One tree per input ciphertext. */
  readonly babies: readonly RotationTree[];
  /** One tree per output ciphertext; read backwards. */
  readonly giants: readonly RotationTree[];
  /** Rotate-and-add steps, the same for every output ciphertext. */
  readonly reductions: readonly RotationTree[];
}

/** @param level of the map's inputs when it multiplies */
export function planRotations(plan: TransformPlan, cost: CostModel, level: number): RotationDemand {
  const { baby, reopen, giant } = cost.linear(level);
  const nonZero = (steps: readonly number[]): number[] => steps.filter((step) => step !== 0);
  return {
    babies: plan.babies.map((steps) => ({
      steps: nonZero(steps),
      level,
      rotateMs: baby,
      branchMs: reopen,
      direct: false,
    })),
    // Every giant step pays in full, from wherever it starts.
    giants: plan.giants.map((steps) => ({
      steps: nonZero(steps),
      level,
      rotateMs: giant,
      branchMs: 0,
      direct: false,
    })),
    reductions: plan.reductions.map((step) => ({
      steps: [step],
      level,
      rotateMs: giant * plan.giants.length,
      branchMs: 0,
      direct: true,
    })),
  };
}

export function treesOf(demand: RotationDemand): RotationTree[] {
  return [...demand.babies, ...demand.giants, ...demand.reductions];
}
