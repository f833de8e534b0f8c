/** Runs a packed program in float64, rotation by rotation, exactly as its instructions say: no level, scale or noise. */
import { refreshed } from '../../../program/semantics/evaluate-refresh.ts';
import { pack } from '../../../program/layout.ts';
import type { Coefficient } from '../../../program/program.ts';
import { toDense } from '../../../program/slot-vector.ts';
import type { PackedInstruction, PackedProgram } from '../../ir/packed-program.ts';

type Slots = Float64Array;

function spread(value: Coefficient, out: Slots): void {
  if (typeof value === 'number') out.fill(value);
  else toDense(value, out);
}

export interface Counts {
  rotations: number;
  products: number;
}

export interface PackedRun {
  /** Slots of every value, by id and ciphertext. */
  readonly values: readonly (readonly Slots[])[];
  /** Per instruction, in order: keyed rotations and products with diagonals. */
  readonly counts: readonly Counts[];
}

export function runPacked(program: PackedProgram, inputs: readonly Float64Array[]): PackedRun {
  const values: Slots[][] = program.values.map(() => []);
  program.inputs.forEach(({ value }, index) => {
    values[value] = pack(program.values[value]!.layout, inputs[index]!);
  });
  const counts = program.instructions.map((instruction) => {
    const machine = new Machine(program);
    values[instruction.output] = machine.execute(instruction, values);
    return machine.counts;
  });
  return { values, counts };
}

class Machine {
  readonly counts: Counts = { rotations: 0, products: 0 };
  readonly #slotCount: number;
  readonly #keys: ReadonlySet<number>;

  constructor(program: PackedProgram) {
    this.#slotCount = program.slotCount;
    this.#keys = new Set(program.rotationSteps);
  }

  execute(instruction: PackedInstruction, values: readonly Slots[][]): Slots[] {
    switch (instruction.kind) {
      case 'linear':
        return this.#linear(
          instruction,
          instruction.inputs.flatMap((id) => values[id]!),
        );
      case 'polynomial':
        return values[instruction.input]!.map((x, ciphertext) => {
          const dense = instruction.coefficients[ciphertext]!.map((coefficient) =>
            typeof coefficient === 'number'
              ? new Float64Array(this.#slotCount).fill(coefficient)
              : toDense(coefficient, new Float64Array(this.#slotCount)),
          );
          return x.map((value, slot) => {
            const chebyshev = (k: number): number =>
              k === 0 ? 1 : k === 1 ? value : 2 * value * chebyshev(k - 1) - chebyshev(k - 2);
            const sum = dense.reduce((total, own, k) => total + own[slot]! * chebyshev(k), 0);
            return instruction.unitLeading ? chebyshev(instruction.degree / 2) ** 2 + sum : sum;
          });
        });
      case 'refresh':
        return values[instruction.input]!.map((x) => x.map((value) => refreshed(value, instruction.ratio)));
      case 'product': {
        const right = values[instruction.right]!;
        return values[instruction.left]!.map((x, ciphertext) =>
          x.map((value, slot) => value * right[ciphertext]![slot]!),
        );
      }
    }
  }

  #linear(
    { babies, outputs }: Extract<PackedInstruction, { kind: 'linear' }>,
    sources: readonly Slots[],
  ): Slots[] {
    const rotated: Slots[] = [];
    const total: number[] = [];
    for (const { source, step, from, via } of babies) {
      const start = from < 0 ? sources[source]! : rotated[from]!;
      rotated.push(this.#rotate(start, via));
      total.push(((from < 0 ? 0 : total[from]!) + via.reduce((a, b) => a + b, 0)) % this.#slotCount);
      if (total.at(-1) !== step) throw new Error(`baby ${step} rotates by ${total.at(-1)}`);
    }
    return outputs.map(({ giants, reductions, bias }) => {
      const sums = giants.map(() => new Float64Array(this.#slotCount));
      let result = new Float64Array(this.#slotCount);
      const dense = new Float64Array(this.#slotCount);
      giants.forEach(({ into, via, terms }, index) => {
        for (const { baby, diagonal } of terms) {
          spread(diagonal, dense);
          this.counts.products++;
          for (let slot = 0; slot < dense.length; slot++) {
            sums[index]![slot]! += dense[slot]! * rotated[baby]![slot]!;
          }
        }
        if (into >= 0 && into <= index) throw new Error('a giant flows into an earlier one');
        const moved = this.#rotate(sums[index]!, via);
        const onto = into < 0 ? result : sums[into]!;
        for (let slot = 0; slot < onto.length; slot++) onto[slot]! += moved[slot]!;
      });
      for (const via of reductions) {
        const moved = this.#rotate(result, via);
        result = result.map((value, slot) => value + moved[slot]!);
      }
      if (bias !== null) {
        spread(bias, dense);
        result = result.map((value, slot) => value + dense[slot]!);
      }
      return result;
    });
  }

  #rotate(x: Slots, via: readonly number[]): Slots {
    let result = x;
    for (const step of via) {
      if (!this.#keys.has(step)) throw new Error(`no key for ${step}`);
      this.counts.rotations++;
      const from = result;
      result = from.map((_, slot) => from[(slot + step) % this.#slotCount]!);
    }
    return result;
  }
}
