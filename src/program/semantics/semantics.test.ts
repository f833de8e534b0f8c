import { describe, expect, it } from 'vitest';
import { InternalError } from '../../errors.ts';
import type { Coefficient, PolynomialInstruction } from '../program.ts';
import { polynomialDepth } from '../program.ts';
import { ProgramBuilder } from '../testing/program-builder.ts';
import {
  randomLinear,
  randomVector,
  referenceLinear,
  referencePolynomial,
  seededRandom,
} from '../testing/random-instructions.ts';
import { refreshableParameters, testParameters } from '../testing/test-parameters.ts';
import { choosePolynomialPlan, polynomialOutputScale } from './choose-polynomial-plan.ts';
import type { CleartextCiphertext } from './cleartext-algebra.ts';
import { CleartextAlgebra } from './cleartext-algebra.ts';
import { countOperations } from './count-operations.ts';
import { CountingAlgebra } from './counting-algebra.ts';
import { accumulateLinear, evaluateLinear, finishLinear } from './evaluate-linear.ts';
import { evaluatePolynomial } from './evaluate-polynomial.ts';
import { evaluateInstruction } from './evaluate-instruction.ts';
import { evaluateProduct } from './evaluate-product.ts';

const SLOTS = 32;
// Primes that differ from the scale, so that a wrong scale cannot go unnoticed.
const PRIMES = [2 ** 50, 1.1e12, 0.95e12, 1.05e12, 0.9e12, 1.2e12, 1e12];
const SCALE = 1.01e12;

function encrypted(level: number, slots: Float64Array): CleartextCiphertext {
  return { level, scale: SCALE, degree: 1, slots };
}

function uniform(seed: number): Float64Array {
  const random = seededRandom(seed);
  return Float64Array.from({ length: SLOTS }, () => 2 * random() - 1);
}

function expectClose(actual: Float64Array, expected: Float64Array, tolerance = 1e-10): void {
  expect(actual.length).toBe(expected.length);
  const error = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(error).toBeLessThan(tolerance);
}

function polynomial(
  level: number,
  coefficients: readonly Coefficient[],
  unitLeading: boolean,
): PolynomialInstruction {
  const degree = unitLeading ? coefficients.length : coefficients.length - 1;
  return {
    kind: 'polynomial',
    layer: 'p',
    input: 0,
    output: 1,
    level,
    degree,
    unitLeading,
    coefficients: [coefficients],
  };
}

function countsOf(instruction: PolynomialInstruction): Record<string, number> {
  const counts: Record<string, number> = {};
  const algebra = new CountingAlgebra(SLOTS, PRIMES, (operation) => {
    counts[operation] = (counts[operation] ?? 0) + 1;
  });
  const plan = choosePolynomialPlan(instruction, SLOTS);
  evaluatePolynomial(
    algebra,
    plan,
    instruction.level,
    { level: instruction.level, scale: SCALE, degree: 1 },
    0,
  );
  return counts;
}

describe('linear instructions', () => {
  const shapes = [
    { sources: 1, outputs: 1, babySteps: 4, giantSteps: 3, style: 'direct' as const },
    { sources: 2, outputs: 3, babySteps: 3, giantSteps: 4, style: 'chain' as const, bias: true },
    {
      sources: 1,
      outputs: 2,
      babySteps: 2,
      giantSteps: 2,
      style: 'chain' as const,
      reductions: [[16], [8, 4]],
      density: 0.2,
    },
  ];
  it.each(shapes)('matches the definition: %o', (shape) => {
    const plan = randomLinear(seededRandom(1), SLOTS, shape);
    const prime = PRIMES[3]!;
    const instruction = {
      kind: 'linear' as const,
      layer: 'l',
      inputs: Array.from({ length: shape.sources }, (_, i) => i),
      output: 9,
      level: 3,
      plainScales: Array<number>(shape.sources).fill(prime),
      ...plan,
    };
    const slots = Array.from({ length: shape.sources }, (_, i) => uniform(10 + i));
    const inputs = slots.map((values) => encrypted(4, values));
    const counts = inputs.map(() => 1);
    const algebra = new CleartextAlgebra(SLOTS, PRIMES);
    const expected = referenceLinear(plan, slots);
    const whole = evaluateLinear(algebra, instruction, inputs, counts, SCALE);
    whole.forEach((output, o) => {
      expect([output.level, output.scale]).toEqual([2, SCALE]);
      expectClose(output.slots, expected[o]!);
    });

    // Any partition of the terms adds up to the whole.
    const parts = [0, 1].map((part) =>
      accumulateLinear(algebra, instruction, inputs, counts, SCALE, (o, g, t) => (o + g + t) % 2 === part),
    );
    const sums = parts[0]!.map((sum, o) => {
      const other = parts[1]![o]!;
      if (sum === null || other === null) return sum ?? other;
      algebra.addInPlace(sum, other);
      return sum;
    });
    finishLinear(algebra, instruction, inputs, sums, SCALE).forEach((output, o) => {
      expectClose(output.slots, expected[o]!);
    });
  });

  it('rotates only the babies that a part needs', () => {
    const plan = randomLinear(seededRandom(2), SLOTS, {
      sources: 2,
      outputs: 1,
      babySteps: 4,
      giantSteps: 1,
      style: 'direct',
    });
    const instruction = {
      kind: 'linear' as const,
      layer: 'l',
      inputs: [0],
      output: 1,
      level: 1,
      plainScales: [PRIMES[1]!],
      ...plan,
    };
    let rotations = 0;
    const algebra = new CountingAlgebra(SLOTS, PRIMES, (operation) => {
      if (operation === 'rotate') rotations++;
    });
    const inputs = [0, 1].map(() => ({ level: 1, scale: SCALE, degree: 1 as const }));
    accumulateLinear(algebra, instruction, inputs, [2], SCALE, (_o, _g, t) => t < 4);
    expect(rotations).toBe(3);
  });
});

describe('polynomial instructions', () => {
  const cases = [
    ...Array.from({ length: 16 }, (_, i) => ({ degree: i + 1, unitLeading: false })),
    { degree: 31, unitLeading: false },
    ...[2, 4, 8, 16].map((degree) => ({ degree, unitLeading: true })),
  ];
  it.each(cases)('matches the recurrence at exact scale and depth: %o', ({ degree, unitLeading }) => {
    const random = seededRandom(degree);
    const count = unitLeading ? degree : degree + 1;
    for (const kind of ['mixed', 'odd', 'even'] as const) {
      const coefficients = Array.from({ length: count }, (_, k): Coefficient => {
        if ((kind === 'odd' && k % 2 === 0) || (kind === 'even' && k % 2 === 1)) return 0;
        return k % 3 === 0 ? random() - 0.5 : randomVector(random, SLOTS);
      });
      const instruction = polynomial(6, coefficients, unitLeading);
      const plan = choosePolynomialPlan(instruction, SLOTS);
      const x = uniform(degree + 100);
      const output = evaluatePolynomial(new CleartextAlgebra(SLOTS, PRIMES), plan, 6, encrypted(6, x), 0);
      expect(output.level).toBe(6 - polynomialDepth(degree, unitLeading));
      expect(output.scale).toBe(polynomialOutputScale(instruction, SCALE, PRIMES));
      expectClose(output.slots, referencePolynomial(coefficients, unitLeading, x));
    }
  });

  it('takes one product for a pure square', () => {
    expect(countsOf(polynomial(3, [0, 0], true))).toEqual({ multiply: 1, relinearize: 1, rescale: 1 });
  });

  it('takes no product to add a linear term to the square', () => {
    const counts = countsOf(polynomial(3, [0.5, 0.25], true));
    expect(counts).toEqual({
      multiply: 1,
      relinearize: 1,
      rescale: 1,
      multiplyPlain: 1,
      add: 1,
      addPlain: 1,
      encode: 2,
    });
  });

  it.each([
    [3, 2],
    [4, 2],
    [5, 3],
    [6, 4],
    [7, 5],
    [8, 5],
    [15, 8],
  ])('degree %d takes at most %d products', (degree, products) => {
    const coefficients = Array.from({ length: degree + 1 }, (_, k) => 1 / (k + 1));
    expect(countsOf(polynomial(6, coefficients, false))['multiply']).toBeLessThanOrEqual(products);
  });

  it('keeps the scale of its input unless the leading coefficient is one', () => {
    expect(polynomialOutputScale({ level: 4, degree: 7, unitLeading: false }, SCALE, PRIMES)).toBe(SCALE);
    const square = polynomialOutputScale({ level: 4, degree: 2, unitLeading: true }, SCALE, PRIMES);
    expect(square).toBe((SCALE * SCALE) / PRIMES[4]!);
  });

  it('survives a ciphertext whose coefficients all vanish', () => {
    const instruction = { ...polynomial(4, [0.5, 0, 0, 0], false) };
    const mixed = { ...instruction, coefficients: [instruction.coefficients[0]!, [0, 1, 2, 3]] };
    const plan = choosePolynomialPlan(mixed, SLOTS);
    const output = evaluatePolynomial(
      new CleartextAlgebra(SLOTS, PRIMES),
      plan,
      4,
      encrypted(4, uniform(3)),
      0,
    );
    expectClose(output.slots, new Float64Array(SLOTS).fill(0.5));
  });
});

describe('products and counts', () => {
  it('multiplies at the lower level', () => {
    const [x, y] = [uniform(1), uniform(2)];
    const output = evaluateProduct(
      new CleartextAlgebra(SLOTS, PRIMES),
      { level: 3 },
      encrypted(5, x),
      encrypted(3, y),
    );
    expect([output.level, output.scale]).toEqual([2, (SCALE * SCALE) / PRIMES[3]!]);
    expectClose(
      output.slots,
      x.map((value, i) => value * y[i]!),
    );
  });

  it('counts the operations of a program exactly', () => {
    const builder = new ProgramBuilder(testParameters(8192, [50, 40, 40, 40], 44, 40));
    const x = builder.input(1);
    const shape = {
      sources: 1,
      outputs: 1,
      babySteps: 4,
      giantSteps: 2,
      style: 'chain' as const,
      bias: true,
    };
    const y = builder.linear([x], randomLinear(seededRandom(1), builder.slotCount, shape));
    const program = builder.build([
      builder.product(builder.polynomial(y, [[0, 0]], { unitLeading: true }), y),
    ]);
    const { total, perInstruction } = countOperations(program);
    expect(perInstruction).toEqual([
      { rotate: 4, multiplyPlain: 8, multiply: 0, add: 7, addPlain: 1, rescale: 1 },
      { rotate: 0, multiplyPlain: 0, multiply: 1, add: 0, addPlain: 0, rescale: 1 },
      { rotate: 0, multiplyPlain: 0, multiply: 1, add: 0, addPlain: 0, rescale: 1 },
    ]);
    expect(total.rotate + total.multiply).toBe(6);
  });

  it('refreshes values as its reference does, to the level and scale of the chain, and counts it as one', () => {
    const builder = new ProgramBuilder(refreshableParameters());
    const x = builder.input(2, 4);
    const program = builder.build([builder.refresh(x, 8)]);
    const values = [0, 1].map((ct) => uniform(ct).map((_, i) => Math.sin(i + ct)));
    const inputs = values.map((slots) => ({ ...encrypted(4, slots), scale: program.values[0]!.scale }));
    const algebra = new CleartextAlgebra(SLOTS, refreshableParameters().dataPrimes.map(Number));
    const outputs = evaluateInstruction(algebra, program, program.instructions[0]!, [inputs]);
    const { level, scale } = program.values[1]!;
    expect(level).toBe(6);
    // 82 − 43 = 39, 78 − 42 = 36, 72 − 36 = 36 bits.
    expect(Math.log2(scale)).toBeCloseTo(36, 0);
    outputs.forEach((output, ct) => {
      expect([output.level, output.scale]).toEqual([level, scale]);
      expectClose(
        output.slots,
        values[ct]!.map((z) => Math.sin((Math.PI * z) / 4)),
      );
      expect(inputs[ct]!.level).toBe(4);
    });
    const none = { rotate: 0, multiplyPlain: 0, multiply: 0, add: 0, addPlain: 0, rescale: 0 };
    expect(countOperations(program).total).toEqual({ ...none, refresh: 2 });
  });

  it('refuses sums at different scales and levels', () => {
    const algebra = new CountingAlgebra(SLOTS, PRIMES);
    const sum = { level: 2, scale: SCALE, degree: 1 as const };
    expect(() => algebra.addInPlace(sum, { ...sum, scale: SCALE * 1.001 })).toThrow(InternalError);
    expect(() => algebra.addInPlace(sum, { ...sum, level: 1 })).toThrow(InternalError);
  });
});
