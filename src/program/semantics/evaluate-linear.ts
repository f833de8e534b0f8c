/** What a linear instruction means: baby-step giant-step over generalised diagonals, in parts if need be. */
import { InternalError } from '../../errors.ts';
import type { LinearInstruction, OutputPlan } from '../program.ts';
import type { SlotAlgebra, WeightedTerm } from './slot-algebra.ts';
import { CiphertextScope, LoweredCiphertexts, accumulate, addConstant, almostZero } from './slot-algebra.ts';

/** Whether a part computes term `term` of giant `giant` of output ciphertext `output`. */
export type TermFilter = (output: number, giant: number, term: number) => boolean;

const ALL_TERMS: TermFilter = () => true;

/**
 * y = Σ_i M_i x_i + b. `inputs` are the concatenated ciphertexts of the instruction's inputs, `inputCounts[i]` of
 * which belong to input i; all at `level` or above. Outputs are finished one after another, so that only one sum at a time
 * stands at the higher level.
 * @returns the output ciphertexts at level − 1 and `outputScale`, owned by the caller
 */
export function evaluateLinear<C, P>(
  algebra: SlotAlgebra<C, P>,
  instruction: LinearInstruction,
  inputs: readonly C[],
  inputCounts: readonly number[],
  outputScale: number,
): C[] {
  using scope = new CiphertextScope<C>(algebra);
  const sumOf = linearSums(algebra, scope, instruction, inputs, inputCounts, outputScale, ALL_TERMS);
  const finish = finisher(algebra, scope, instruction, inputs[0]!, outputScale);
  const finished = instruction.outputs.map((plan, o) => finish(plan, sumOf(plan, o)));
  return finished.map((sum) => scope.handOver(sum));
}

/**
 * The sums before reductions and rescale, of the terms that `includes` selects (those of all parts add up to the
 * whole). Null for outputs without such terms. Only the babies and giants that these terms need are rotated.
 */
export function accumulateLinear<C, P>(
  algebra: SlotAlgebra<C, P>,
  instruction: LinearInstruction,
  inputs: readonly C[],
  inputCounts: readonly number[],
  outputScale: number,
  includes: TermFilter = ALL_TERMS,
): (C | null)[] {
  using scope = new CiphertextScope<C>(algebra);
  const sumOf = linearSums(algebra, scope, instruction, inputs, inputCounts, outputScale, includes);
  const sums = instruction.outputs.map(sumOf);
  return sums.map((sum) => (sum === null ? null : scope.handOver(sum)));
}

/**
 * Reductions, rescale, bias. Takes ownership of `sums` and returns them, finished. `inputs` only serve to make an
 * output without terms.
 */
export function finishLinear<C, P>(
  algebra: SlotAlgebra<C, P>,
  instruction: LinearInstruction,
  inputs: readonly C[],
  sums: readonly (C | null)[],
  outputScale: number,
): C[] {
  using scope = new CiphertextScope<C>(algebra);
  for (const sum of sums) if (sum !== null) scope.own(sum);
  const finish = finisher(algebra, scope, instruction, inputs[0]!, outputScale);
  const finished = instruction.outputs.map((plan, o) => finish(plan, sums[o]!));
  return finished.map((sum) => scope.handOver(sum));
}

/** Rotates the inputs; what it returns makes the sum of one output, owned by `scope`. */
function linearSums<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  instruction: LinearInstruction,
  inputs: readonly C[],
  inputCounts: readonly number[],
  outputScale: number,
  includes: TermFilter,
): (plan: OutputPlan, output: number) => C | null {
  const sumScale = outputScale * algebra.primeAt(instruction.level);
  const plainScales = inputCounts.flatMap((count, i) =>
    Array<number>(count).fill(instruction.plainScales[i]!),
  );
  if (plainScales.length !== inputs.length) throw new InternalError('input ciphertexts and counts differ');
  const babies = rotateBabies(algebra, scope, instruction, inputs, includes);
  const multiplyGiant = (flowed: C | null, output: number, giant: number): C | null => {
    let sum = flowed;
    const numbers: WeightedTerm<C>[] = [];
    instruction.outputs[output]!.giants[giant]!.terms.forEach(({ baby, diagonal }, t) => {
      if (!includes(output, giant, t)) return;
      const plainScale = plainScales[instruction.babies[baby]!.source]!;
      const ciphertext = babies[baby]!;
      if (typeof diagonal === 'number') numbers.push({ ciphertext, weight: diagonal, plainScale });
      else sum = accumulate(algebra, scope, sum, ciphertext, diagonal, sumScale, plainScale);
    });
    return addWeighted(algebra, scope, sum, numbers, sumScale);
  };
  return (plan, output) => sumGiants(algebra, scope, plan, output, multiplyGiant);
}

/** `sum` + Σ ciphertext · weight, in the algebra's own way if it has one. */
function addWeighted<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  sum: C | null,
  terms: readonly WeightedTerm<C>[],
  scale: number,
): C | null {
  if (terms.length === 0) return sum;
  if (algebra.weightedSum === undefined) {
    let total = sum;
    for (const { ciphertext, weight, plainScale } of terms)
      total = accumulate(algebra, scope, total, ciphertext, weight, scale, plainScale);
    return total;
  }
  const weighted = algebra.weightedSum(terms, scale);
  if (weighted === null) return sum;
  scope.own(weighted);
  if (sum === null) return weighted;
  algebra.addInPlace(sum, weighted);
  scope.free(weighted);
  return sum;
}

/** What it returns finishes the sum of one output; null is taken for zero. */
function finisher<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  { level }: LinearInstruction,
  anyInput: C,
  outputScale: number,
): (plan: OutputPlan, sum: C | null) => C {
  const lowered = new LoweredCiphertexts(algebra, scope);
  const sumScale = outputScale * algebra.primeAt(level);
  return (plan, given) => {
    const sum = given ?? almostZero(algebra, scope, lowered.at(anyInput, level), sumScale);
    for (const steps of plan.reductions) {
      const rotated = scope.own(algebra.rotate(sum, steps[0]!));
      for (const step of steps.slice(1)) algebra.rotateInPlace(rotated, step);
      algebra.addInPlace(sum, rotated);
      scope.free(rotated);
    }
    algebra.rescaleInPlace(sum, outputScale);
    if (plan.bias !== null) addConstant(algebra, sum, plan.bias);
    return sum;
  };
}

/** The rotated inputs that the selected terms need; the others stay undefined. */
function rotateBabies<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  instruction: LinearInstruction,
  inputs: readonly C[],
  includes: TermFilter,
): (C | undefined)[] {
  const lowered = new LoweredCiphertexts(algebra, scope);
  const needed = neededBabies(instruction, includes);
  const rotated: (C | undefined)[] = [];
  instruction.babies.forEach((baby, b) => {
    rotated.push(undefined);
    if (needed[b] === 0) return;
    const origin =
      baby.from === -1 ? lowered.at(inputs[baby.source]!, instruction.level) : rotated[baby.from]!;
    rotated[b] = origin;
    if (baby.via.length === 0) return;
    const result = scope.own(algebra.rotate(origin, baby.via[0]!));
    for (const step of baby.via.slice(1)) algebra.rotateInPlace(result, step);
    rotated[b] = result;
  });
  return rotated;
}

/** 1 for each baby that a selected term uses or that such a baby is made from. */
export function neededBabies(instruction: LinearInstruction, includes: TermFilter = ALL_TERMS): Uint8Array {
  const needed = new Uint8Array(instruction.babies.length);
  instruction.outputs.forEach((plan, o) => {
    plan.giants.forEach((giant, g) => {
      giant.terms.forEach((term, t) => {
        if (includes(o, g, t)) needed[term.baby] = 1;
      });
    });
  });
  for (let b = needed.length - 1; b >= 0; b--) {
    const { from } = instruction.babies[b]!;
    if (needed[b] === 1 && from !== -1) needed[from] = 1;
  }
  return needed;
}

/** Giants come children first, so a giant's sum is complete when its turn comes. */
function sumGiants<C, P>(
  algebra: SlotAlgebra<C, P>,
  scope: CiphertextScope<C>,
  plan: OutputPlan,
  output: number,
  multiplyGiant: (sum: C | null, output: number, giant: number) => C | null,
): C | null {
  const flowed: (C | null)[] = plan.giants.map(() => null);
  let total: C | null = null;
  for (const [g, giant] of plan.giants.entries()) {
    const sum = multiplyGiant(flowed[g]!, output, g);
    if (sum === null) continue;
    for (const step of giant.via) algebra.rotateInPlace(sum, step);
    const target: C | null = giant.into === -1 ? total : flowed[giant.into]!;
    if (target !== null) {
      algebra.addInPlace(target, sum);
      scope.free(sum);
    } else if (giant.into === -1) {
      total = sum;
    } else {
      flowed[giant.into] = sum;
    }
  }
  return total;
}
