/**
 * Gives every value of a packed program its exact scale, and every linear map the plaintext scales that make its
 * result meet the scale it should have exactly (Kim, Papadimitriou, Polyakov, eprint 2020/1118: no drift, no mismatch at
 * sums): the default scale, or what a polynomial that follows needs.
 */
import { InternalError } from '../../errors.ts';
import { keyNeeds } from '../../program/key-needs.ts';
import { scaleDivisors } from '../../program/parameters.ts';
import { polynomialDepth, type Instruction, type Program, type ValueInfo } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { polynomialOutputScale } from '../../program/semantics/choose-polynomial-plan.ts';
import { productOutputScale } from '../../program/semantics/evaluate-product.ts';
import { refreshOutputScale, refreshParameters } from '../../program/semantics/refresh-plan.ts';
import type { PackedProgram } from '../ir/packed-program.ts';

export function manageScales(packed: PackedProgram, parameters: CkksParameters): Program {
  const levels = packed.values.map(({ level }) => level);
  const primes = scaleDivisors(parameters);
  const defaultScale = 2 ** parameters.scaleBits;
  const scales = packed.values.map(() => 0);
  const scaleOf = (id: number): number => {
    const scale = scales[id];
    if (scale === undefined || scale === 0)
      throw new InternalError(`value ${id} is used before it is produced`);
    return scale;
  };
  for (const input of packed.inputs) scales[input.value] = defaultScale;
  const wanted = scalesForPolynomials(packed, levels, primes, defaultScale);
  const instructions = packed.instructions.map((instruction): Instruction => {
    switch (instruction.kind) {
      case 'linear': {
        const level = levels[instruction.output]! + 1;
        const scale = wanted.get(instruction.output) ?? defaultScale;
        scales[instruction.output] = scale;
        const plainScales = instruction.inputs.map((id) => (scale * primes[level]!) / scaleOf(id));
        return { ...instruction, level, plainScales };
      }
      case 'polynomial': {
        const depth = polynomialDepth(instruction.degree, instruction.unitLeading);
        const level = levels[instruction.output]! + depth;
        const managed = { ...instruction, level };
        scales[instruction.output] = polynomialOutputScale(managed, scaleOf(instruction.input), primes);
        return managed;
      }
      case 'product': {
        const level = levels[instruction.output]! + 1;
        scales[instruction.output] = productOutputScale(
          scaleOf(instruction.left),
          scaleOf(instruction.right),
          primes[level]!,
        );
        return { ...instruction, level };
      }
      case 'refresh':
        scales[instruction.output] = refreshOutputScale(parameters);
        return { ...instruction, level: refreshParameters(parameters).down.length };
    }
  });
  const values = packed.values.map(({ id, layer, layout, level, bound }): ValueInfo => ({
    id,
    layer,
    ciphertexts: layout.ciphertexts,
    level,
    scale: scaleOf(id),
    bound,
  }));
  const port = ({ name, value }: { name: string; value: number }) => ({
    name,
    value,
    layout: packed.values[value]!.layout,
  });
  return {
    slotCount: packed.slotCount,
    inputs: packed.inputs.map(port),
    outputs: packed.outputs.map(port),
    values,
    instructions,
    ...keyNeeds(instructions, parameters),
  };
}

/**
 * Squaring after squaring, the powers of a polynomial's argument double the logarithm of what its scale is off the primes: a
 * bit becomes 2^m bits at degree 2^m, at the cost of the coefficients' precision. A scale that starts at the right mean of
 * those primes stays within them, and ends at the default scale.
 */
function scalesForPolynomials(
  packed: PackedProgram,
  levels: readonly number[],
  primes: readonly number[],
  defaultScale: number,
): ReadonlyMap<number, number> {
  const wanted = new Map<number, number>();
  for (const instruction of packed.instructions) {
    if (instruction.kind !== 'polynomial' || wanted.has(instruction.input)) continue;
    const { degree, unitLeading, input, output } = instruction;
    const level = levels[output]! + polynomialDepth(degree, unitLeading);
    let logScale = Math.log2(defaultScale);
    for (let power = Math.ceil(Math.log2(degree)) - 1; power >= 0; power--) {
      logScale = (logScale + Math.log2(primes[level - power]!)) / 2;
    }
    wanted.set(input, 2 ** logScale);
  }
  return wanted;
}
