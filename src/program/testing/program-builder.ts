/** Builds small programs by hand, levels and scales managed: for tests of whatever runs programs. */
import { keyNeeds } from '../key-needs.ts';
import type { Layout } from '../layout.ts';
import type {
  Coefficient,
  Instruction,
  LinearInstruction,
  Program,
  ProgramInput,
  ProgramOutput,
  ValueId,
  ValueInfo,
} from '../program.ts';
import { polynomialDepth } from '../program.ts';
import type { ParametersLiteral } from '../parameters.ts';
import { polynomialOutputScale } from '../semantics/choose-polynomial-plan.ts';
import { refreshOutputScale, refreshShape } from '../semantics/refresh-plan.ts';
import { productOutputScale } from '../semantics/evaluate-product.ts';

export class ProgramBuilder {
  readonly slotCount: number;
  readonly #parameters: ParametersLiteral;
  readonly #primes: readonly number[];
  readonly #scale: number;
  readonly #values: ValueInfo[] = [];
  readonly #instructions: Instruction[] = [];
  readonly #inputs: ProgramInput[] = [];

  constructor(parameters: ParametersLiteral) {
    this.slotCount = parameters.polyModulusDegree / 2;
    this.#parameters = parameters;
    this.#primes = parameters.dataPrimes.map(Number);
    this.#scale = 2 ** parameters.scaleBits;
  }

  get topLevel(): number {
    return this.#primes.length - 1;
  }

  input(ciphertexts: number, level = this.topLevel): ValueId {
    const value = this.#value(`input${this.#inputs.length}`, ciphertexts, level, this.#scale);
    this.#inputs.push({ name: `x${this.#inputs.length}`, value, layout: this.#layout(ciphertexts) });
    return value;
  }

  linear(inputs: readonly ValueId[], plan: Pick<LinearInstruction, 'babies' | 'outputs'>): ValueId {
    const level = this.#lowestLevel(inputs);
    const prime = this.#primes[level]!;
    const output = this.#value(
      `linear${this.#instructions.length}`,
      plan.outputs.length,
      level - 1,
      this.#scale,
    );
    const plainScales = inputs.map((id) => (this.#scale * prime) / this.#values[id]!.scale);
    const layer = this.#values[output]!.layer;
    this.#instructions.push({ kind: 'linear', layer, inputs, output, level, plainScales, ...plan });
    return output;
  }

  polynomial(
    input: ValueId,
    coefficients: readonly (readonly Coefficient[])[],
    { unitLeading = false }: { unitLeading?: boolean } = {},
  ): ValueId {
    const { level, scale, ciphertexts } = this.#values[input]!;
    const degree = unitLeading ? coefficients[0]!.length : coefficients[0]!.length - 1;
    const shape = { level, degree, unitLeading };
    const output = this.#value(
      `polynomial${this.#instructions.length}`,
      ciphertexts,
      level - polynomialDepth(degree, unitLeading),
      polynomialOutputScale(shape, scale, this.#primes),
    );
    const layer = this.#values[output]!.layer;
    this.#instructions.push({ kind: 'polynomial', layer, input, output, ...shape, coefficients });
    return output;
  }

  product(left: ValueId, right: ValueId): ValueId {
    const level = this.#lowestLevel([left, right]);
    const [a, b] = [this.#values[left]!, this.#values[right]!];
    const scale = productOutputScale(a.scale, b.scale, this.#primes[level]!);
    const output = this.#value(`product${this.#instructions.length}`, a.ciphertexts, level - 1, scale);
    const layer = this.#values[output]!.layer;
    this.#instructions.push({ kind: 'product', layer, left, right, output, level });
    return output;
  }

  refresh(input: ValueId, ratio = 4): ValueId {
    const { slotsToCoefficients, outputLevel } = refreshShape(this.#parameters);
    const { ciphertexts } = this.#values[input]!;
    const output = this.#value(
      `refresh${this.#instructions.length}`,
      ciphertexts,
      outputLevel,
      refreshOutputScale(this.#parameters),
    );
    const layer = this.#values[output]!.layer;
    const level = slotsToCoefficients.length;
    this.#instructions.push({ kind: 'refresh', layer, input, output, level, ratio });
    return output;
  }

  build(outputs: readonly ValueId[]): Program {
    return {
      slotCount: this.slotCount,
      inputs: this.#inputs,
      outputs: outputs.map((value, i): ProgramOutput => ({
        name: `y${i}`,
        value,
        layout: this.#layout(this.#values[value]!.ciphertexts),
      })),
      values: this.#values,
      instructions: this.#instructions,
      ...keyNeeds(this.#instructions, this.#parameters),
    };
  }

  #value(layer: string, ciphertexts: number, level: number, scale: number): ValueId {
    const id = this.#values.length;
    this.#values.push({ id, layer, ciphertexts, level, scale, bound: 1 });
    return id;
  }

  #lowestLevel(ids: readonly ValueId[]): number {
    return Math.min(...ids.map((id) => this.#values[id]!.level));
  }

  /** Element i is global slot i. */
  #layout(ciphertexts: number): Layout {
    const count = ciphertexts * this.slotCount;
    return {
      shape: [1, count],
      slotCount: this.slotCount,
      ciphertexts,
      period: this.slotCount,
      positions: Int32Array.from({ length: count }, (_, i) => i),
      format: 'slots in order',
    };
  }
}
