/** Seeded random linear plans, and what programs mean by definition: slow, naive, independent of the kernels. */
import type {
  BabyRotation,
  Coefficient,
  GiantStep,
  LinearInstruction,
  OutputPlan,
  Program,
} from '../program.ts';
import type { SlotVector } from '../slot-vector.ts';
import { fromDense, toDense } from '../slot-vector.ts';

export type Random = () => number;

/** Mulberry32: uniform in [0, 1). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Entries uniform in [-1, 1], each present with probability `density`. */
export function randomVector(random: Random, slotCount: number, density = 1): SlotVector {
  return fromDense(
    Float64Array.from({ length: slotCount }, () => (random() < density ? 2 * random() - 1 : 0)),
  );
}

export interface RandomLinearShape {
  readonly sources: number;
  readonly outputs: number;
  readonly babySteps: number;
  readonly giantSteps: number;
  /** 'direct': one key per step; 'chain': each rotation from the one before, giants by Horner's rule. */
  readonly style: 'direct' | 'chain';
  readonly reductions?: readonly (readonly number[])[];
  readonly bias?: boolean;
  readonly density?: number;
}

/** A random plan with babies at steps 0 … babySteps − 1 and giants at multiples of babySteps. */
export function randomLinear(
  random: Random,
  slotCount: number,
  shape: RandomLinearShape,
): Pick<LinearInstruction, 'babies' | 'outputs'> {
  const { sources, babySteps, giantSteps, style } = shape;
  const babies: BabyRotation[] = [];
  for (let source = 0; source < sources; source++) {
    for (let step = 0; step < babySteps; step++) {
      const chained = style === 'chain' && step > 0;
      babies.push({
        source,
        step,
        from: chained ? babies.length - 1 : -1,
        via: step === 0 ? [] : chained ? [1] : [step],
      });
    }
  }
  const plan = (): OutputPlan => {
    // Highest giant first, so that Horner's children precede their parents.
    const giants = Array.from({ length: giantSteps }, (_, i): GiantStep => {
      const j = giantSteps - 1 - i;
      const step = j * babySteps;
      const horner = style === 'chain' && j > 0;
      const via = j === 0 ? [] : horner ? [babySteps] : [step];
      const terms = babies.map((_, baby) => ({
        baby,
        diagonal: randomVector(random, slotCount, shape.density ?? 1),
      }));
      return { step, into: horner ? i + 1 : -1, via, terms };
    });
    return {
      giants,
      reductions: shape.reductions ?? [],
      bias: shape.bias === true ? randomVector(random, slotCount) : null,
    };
  };
  return { babies, outputs: Array.from({ length: shape.outputs }, plan) };
}

/** A random matrix between ciphertexts: each output is a sum of inputs with one number each, nothing is rotated. */
export function randomWeights(
  random: Random,
  shape: { readonly sources: number; readonly outputs: number; readonly density?: number },
): Pick<LinearInstruction, 'babies' | 'outputs'> {
  const babies = Array.from({ length: shape.sources }, (_, source) => ({
    source,
    step: 0,
    from: -1,
    via: [],
  }));
  const outputs = Array.from({ length: shape.outputs }, (): OutputPlan => {
    const terms = babies.flatMap((_, baby) =>
      random() < (shape.density ?? 1) ? [{ baby, diagonal: 2 * random() - 1 }] : [],
    );
    return { giants: [{ step: 0, into: -1, via: [], terms }], reductions: [], bias: random() - 0.5 };
  });
  return { babies, outputs };
}

export function rotated(slots: Float64Array, step: number): Float64Array {
  return slots.map((_, i) => slots[(i + step) % slots.length]!);
}

/** By the total `step` of each baby and giant, never by its chain. */
export function referenceLinear(
  instruction: Pick<LinearInstruction, 'babies' | 'outputs'>,
  inputs: readonly Float64Array[],
): Float64Array[] {
  const slotCount = inputs[0]!.length;
  return instruction.outputs.map((plan) => {
    let sum: Float64Array = new Float64Array(slotCount);
    for (const giant of plan.giants) {
      const inner = new Float64Array(slotCount);
      for (const { baby, diagonal } of giant.terms) {
        const { source, step } = instruction.babies[baby]!;
        const factor = dense(diagonal, slotCount);
        rotated(inputs[source]!, step).forEach((x, i) => (inner[i] = inner[i]! + x * factor[i]!));
      }
      rotated(inner, giant.step).forEach((x, i) => (sum[i] = sum[i]! + x));
    }
    for (const steps of plan.reductions) {
      const shifted = rotated(sum, steps.reduce((a, b) => a + b, 0) % slotCount);
      sum = sum.map((x, i) => x + shifted[i]!);
    }
    const bias = plan.bias === null ? null : dense(plan.bias, slotCount);
    return bias === null ? sum : sum.map((x, i) => x + bias[i]!);
  });
}

/** Σ c_k T_k(x) by the three-term recurrence. */
export function referencePolynomial(
  coefficients: readonly Coefficient[],
  unitLeading: boolean,
  x: Float64Array,
): Float64Array {
  const degree = unitLeading ? coefficients.length : coefficients.length - 1;
  const factors = coefficients.map((c) => (typeof c === 'number' ? c : dense(c, x.length)));
  return x.map((value, i) => {
    const chebyshev = [1, value];
    for (let k = 2; k <= degree; k++) chebyshev.push(2 * value * chebyshev[k - 1]! - chebyshev[k - 2]!);
    const sum = factors.reduce<number>(
      (total, factor, k) => total + (typeof factor === 'number' ? factor : factor[i]!) * chebyshev[k]!,
      0,
    );
    return unitLeading ? sum + chebyshev[degree / 2]! ** 2 : sum;
  });
}

/** Values of all outputs of a program, one list of ciphertexts per output. */
export function referenceProgram(
  program: Program,
  inputs: readonly (readonly Float64Array[])[],
): Float64Array[][] {
  const values = new Map<number, Float64Array[]>();
  program.inputs.forEach((input, i) => values.set(input.value, [...inputs[i]!]));
  for (const instruction of program.instructions) {
    switch (instruction.kind) {
      case 'linear': {
        const operands = instruction.inputs.flatMap((id) => values.get(id)!);
        values.set(instruction.output, referenceLinear(instruction, operands));
        break;
      }
      case 'polynomial': {
        const { coefficients, unitLeading } = instruction;
        const operands = values.get(instruction.input)!;
        values.set(
          instruction.output,
          operands.map((x, ct) => referencePolynomial(coefficients[ct]!, unitLeading, x)),
        );
        break;
      }
      case 'product': {
        const right = values.get(instruction.right)!;
        const left = values.get(instruction.left)!;
        values.set(
          instruction.output,
          left.map((x, ct) => x.map((value, i) => value * right[ct]![i]!)),
        );
        break;
      }
      case 'refresh': {
        const { ratio } = instruction;
        const operands = values.get(instruction.input)!;
        values.set(
          instruction.output,
          operands.map((x) => x.map((value) => Math.sin((2 * Math.PI * value) / ratio))),
        );
      }
    }
  }
  return program.outputs.map((output) => values.get(output.value)!);
}

function dense(value: Coefficient, slotCount: number): Float64Array {
  const slots = new Float64Array(slotCount);
  return typeof value === 'number' ? slots.fill(value) : toDense(value, slots);
}
