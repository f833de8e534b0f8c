/**
 * The slot program: what the compiler emits and every backend runs. Its instructions are whole linear transforms,
 * polynomials, products and refreshes, so that a backend may hoist and fuse; `semantics/` defines what they mean in terms of
 * the primitive operations of an RNS-CKKS evaluator.
 *
 * Level = rescales remaining (counts down): a ciphertext at level l lives modulo q_0·…·q_l, and rescaling it divides
 * by q_l. Scales are exact real numbers, known at compile time for every value. A rotation step k > 0 moves slots to
 * the left: rotate(x, k)[i] = x[(i + k) mod slotCount].
 */
import type { Layout } from './layout.ts';
import type { SlotVector } from './slot-vector.ts';

export type ValueId = number;

/** One packed tensor: all its ciphertexts share level and scale. */
export interface ValueInfo {
  readonly id: ValueId;
  /** Name of the layer (ONNX node names, joined by "+") that produced it. */
  readonly layer: string;
  readonly ciphertexts: number;
  readonly level: number;
  readonly scale: number;
  /** Largest |slot| expected (calibrated maximum with margin); used for overflow and noise analysis. */
  readonly bound: number;
}

/** A Galois key: slots move left by `step`, on ciphertexts at `level` or below. */
export interface RotationKey {
  /** In 1 … slotCount − 1. */
  readonly step: number;
  readonly level: number;
}

/** What refreshes take besides rotation keys and the relinearization key, each for ciphertexts at its level or below. */
export interface RefreshKeys {
  /** Of the key that conjugates. */
  readonly conjugationLevel: number;
  /** That the modulus is raised to: the highest. */
  readonly raiseLevel: number;
}

/**
 * One rotated input ciphertext of a linear transform. `via` lists the keyed rotation steps applied one after
 * another to `from` (the index of an earlier baby) or, if `from` is -1, to the input ciphertext `source` itself.
 * A hoisting backend may ignore the chain and rotate `source` by `step` directly if it holds that key.
 */
export interface BabyRotation {
  /** Index into the concatenated ciphertexts of the instruction's inputs. */
  readonly source: number;
  readonly step: number;
  readonly from: number;
  readonly via: readonly number[];
}

/**
 * One giant step: inner = Σ terms diagonal ⊙ baby; the sum of inner and of every giant that flows `into` it is
 * rotated by the steps of `via` and added to giant `into` (or, if `into` is -1, to the output). Giants are listed
 * children first. `step` is the total rotation that inner undergoes.
 */
export interface GiantStep {
  readonly step: number;
  readonly into: number;
  readonly via: readonly number[];
  readonly terms: readonly LinearTerm[];
}

/** diagonal ⊙ baby. A single number for all slots is how tensors meet whose slots are the samples of a batch. */
export interface LinearTerm {
  readonly baby: number;
  readonly diagonal: Coefficient;
}

/** How one output ciphertext of a linear transform comes about. */
export interface OutputPlan {
  readonly giants: readonly GiantStep[];
  /** acc ← acc + rotate(acc, r) for each r in order, r given as the keyed steps that compose it. */
  readonly reductions: readonly (readonly number[])[];
  /** Added after the rescale. */
  readonly bias: Coefficient | null;
}

/**
 * y = Σ_i M_i x_i + b by baby-step giant-step over generalised diagonals (Halevi–Shoup 2014; Bossuat et al. 2021).
 * All inputs are first dropped to `level`; input i's diagonals are encoded at `plainScales[i]`, chosen so that all
 * products meet at one scale and the rescaled result has exactly the output value's scale. Result level: level - 1.
 */
export interface LinearInstruction {
  readonly kind: 'linear';
  readonly layer: string;
  readonly inputs: readonly ValueId[];
  readonly output: ValueId;
  readonly level: number;
  readonly plainScales: readonly number[];
  readonly babies: readonly BabyRotation[];
  readonly outputs: readonly OutputPlan[];
}

/** A coefficient that is the same in every slot, or one per slot. */
export type Coefficient = number | SlotVector;

/**
 * y = Σ_k c_k(slot) T_k(x), T_k the Chebyshev polynomials of the first kind, x in [-1, 1] where it matters.
 * If `unitLeading`, degree = 2^m, and the plan is y = T_{d/2}(x)² + Σ_{k<d} c_k T_k(x) with depth m (the true leading
 * coefficient has been folded into the next linear map); `coefficients[ct]` then has d entries (k = 0 … d−1).
 * Otherwise it has d + 1 entries and the depth is ⌈log2(d+1)⌉.
 */
export interface PolynomialInstruction {
  readonly kind: 'polynomial';
  readonly layer: string;
  readonly input: ValueId;
  readonly output: ValueId;
  /** Level that the input is dropped to before the evaluation; the result's level is `level` − depth. */
  readonly level: number;
  readonly degree: number;
  readonly unitLeading: boolean;
  /** Indexed [ciphertext][k]. */
  readonly coefficients: readonly (readonly Coefficient[])[];
}

/** y = x ⊙ z, both dropped to `level`, relinearized and rescaled. Result level: level - 1. */
export interface ProductInstruction {
  readonly kind: 'product';
  readonly layer: string;
  readonly left: ValueId;
  readonly right: ValueId;
  readonly output: ValueId;
  readonly level: number;
}

/**
 * y = sin(2π x / ratio), slot by slot, real x in ±1 where it matters, far above the level that x has: a bootstrap. Which level and
 * scale the result has follows from the chain, see `semantics/refresh-plan.ts`.
 */
export interface RefreshInstruction {
  readonly kind: 'refresh';
  readonly layer: string;
  readonly input: ValueId;
  readonly output: ValueId;
  /** Level that the input is dropped to: as many as slots take to become coefficients. */
  readonly level: number;
  /** q_0 over the scale of the coefficients: a power of two from `MIN_REFRESH_RATIO` to `MAX_REFRESH_RATIO`. */
  readonly ratio: number;
}

/** At 2, x = ±1 takes up all of the sine's period. */
export const MIN_REFRESH_RATIO = 2;
export const MAX_REFRESH_RATIO = 2 ** 16;

export type Instruction = LinearInstruction | PolynomialInstruction | ProductInstruction | RefreshInstruction;

export interface ProgramInput {
  readonly name: string;
  readonly value: ValueId;
  readonly layout: Layout;
}

export interface ProgramOutput {
  readonly name: string;
  readonly value: ValueId;
  readonly layout: Layout;
}

export interface Program {
  readonly slotCount: number;
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  /** Indexed by ValueId. */
  readonly values: readonly ValueInfo[];
  /** In an order in which every value is produced before it is used. */
  readonly instructions: readonly Instruction[];
  /** Every rotation step for which a Galois key is needed, ascending, with the highest level it is used at (see `keyNeeds`). */
  readonly rotationKeys: readonly RotationKey[];
  /** Highest level at which ciphertexts are multiplied; null if they never are. */
  readonly relinearizationLevel: number | null;
  /** Left out where nothing is refreshed. */
  readonly refreshKeys?: RefreshKeys;
}

/** The values that an instruction reads. */
export function operandsOf(instruction: Instruction): readonly ValueId[] {
  switch (instruction.kind) {
    case 'linear':
      return instruction.inputs;
    case 'polynomial':
    case 'refresh':
      return [instruction.input];
    case 'product':
      return [instruction.left, instruction.right];
  }
}

/** Whether the slots of an instruction's ciphertexts are samples: nothing is rotated, all terms are numbers. */
export function usesNumbers({ babies, outputs }: LinearInstruction): boolean {
  return (
    babies.every(({ via }) => via.length === 0) &&
    outputs.every(
      ({ giants, reductions }) =>
        reductions.length === 0 &&
        giants.every(
          ({ via, terms }) => via.length === 0 && terms.every(({ diagonal }) => typeof diagonal === 'number'),
        ),
    )
  );
}

/** Multiplicative depth of a polynomial instruction. */
export function polynomialDepth(degree: number, unitLeading: boolean): number {
  return unitLeading ? Math.log2(degree) : Math.ceil(Math.log2(degree + 1));
}
