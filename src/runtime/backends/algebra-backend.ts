/** A backend from the primitive operations alone: every instruction through the shared kernels. */
import { InternalError } from '../../errors.ts';
import type {
  Instruction,
  LinearInstruction,
  PolynomialInstruction,
  ProductInstruction,
  RefreshInstruction,
  ValueInfo,
} from '../../program/program.ts';
import { choosePolynomialPlan } from '../../program/semantics/choose-polynomial-plan.ts';
import type { TermFilter } from '../../program/semantics/evaluate-linear.ts';
import { accumulateLinear, evaluateLinear, finishLinear } from '../../program/semantics/evaluate-linear.ts';
import { evaluatePolynomial } from '../../program/semantics/evaluate-polynomial.ts';
import { evaluateProduct } from '../../program/semantics/evaluate-product.ts';
import { evaluateRefresh } from '../../program/semantics/evaluate-refresh.ts';
import type { PolynomialPlan } from '../../program/semantics/polynomial-plan.ts';
import type { SlotAlgebra } from '../../program/semantics/slot-algebra.ts';
import type { BackendName, DividingBackend, LinearOperands, RefreshKeyBytes } from '../backend.ts';
import { refreshUnsupported } from '../backend.ts';

export abstract class AlgebraBackend<C, P> implements DividingBackend<C> {
  abstract readonly name: BackendName;
  protected abstract readonly algebra: SlotAlgebra<C, P>;
  readonly #plans = new WeakMap<PolynomialInstruction, PolynomialPlan>();

  abstract loadRotationKey(step: number, bytes: Uint8Array): void;
  abstract loadRelinearizationKey(bytes: Uint8Array): void;

  loadRefreshKeys(_keys: RefreshKeyBytes): void {
    throw refreshUnsupported(this.name);
  }

  abstract load(bytes: Uint8Array, level: number, scale: number): C;
  abstract store(ciphertext: C): Uint8Array;
  abstract memoryBytes(): number;
  abstract [Symbol.dispose](): void;

  free(ciphertext: C): void {
    this.algebra.free(ciphertext);
  }

  prepare(_instruction: Instruction, _values: readonly ValueInfo[], _includes: TermFilter): void {
    // Nothing is gained where plaintexts are used as they are.
  }

  linear(
    instruction: LinearInstruction,
    { ciphertexts, counts }: LinearOperands<C>,
    outputScale: number,
  ): C[] {
    return evaluateLinear(this.algebra, instruction, ciphertexts, counts, outputScale);
  }

  linearSums(
    instruction: LinearInstruction,
    { ciphertexts, counts }: LinearOperands<C>,
    outputScale: number,
    includes: TermFilter,
  ): (C | null)[] {
    return accumulateLinear(this.algebra, instruction, ciphertexts, counts, outputScale, includes);
  }

  linearFinish(
    instruction: LinearInstruction,
    outputs: readonly { readonly output: number; readonly sums: readonly C[] }[],
    fallback: C,
    outputScale: number,
  ): C[] {
    const chosen = { ...instruction, outputs: outputs.map(({ output }) => instruction.outputs[output]!) };
    const totals = outputs.map(({ sums }) => {
      const [total, ...rest] = sums;
      for (const sum of rest) {
        this.algebra.addInPlace(total!, sum);
        this.algebra.free(sum);
      }
      return total ?? null;
    });
    return finishLinear(this.algebra, chosen, [fallback], totals, outputScale);
  }

  polynomial(instruction: PolynomialInstruction, input: C, index: number, outputScale: number): C {
    let plan = this.#plans.get(instruction);
    if (plan === undefined) {
      plan = choosePolynomialPlan(instruction, this.algebra.slotCount);
      this.#plans.set(instruction, plan);
    }
    const result = evaluatePolynomial(this.algebra, plan, instruction.level, input, index);
    return this.#planned(result, outputScale, instruction.layer);
  }

  product(instruction: ProductInstruction, left: C, right: C, outputScale: number): C {
    const result = evaluateProduct(this.algebra, instruction, left, right);
    return this.#planned(result, outputScale, instruction.layer);
  }

  refresh(instruction: RefreshInstruction, input: C, output: Pick<ValueInfo, 'level' | 'scale'>): C {
    if (this.algebra.refresh === undefined) throw refreshUnsupported(this.name);
    return evaluateRefresh(this.algebra, instruction, input, output);
  }

  /** The compiler computed the same scale with the same arithmetic: it must agree to the last bit. */
  #planned(result: C, outputScale: number, layer: string): C {
    const scale = this.algebra.scaleOf(result);
    if (scale === outputScale) return result;
    this.algebra.free(result);
    throw new InternalError(`${layer} has scale ${scale} but the program says ${outputScale}`);
  }
}
