/** Runs flat transforms and tapes on any algebra, as the engine does: what it is told is tested without it. */
import type { Coefficient } from '../../../../program/program.ts';
import type { SlotAlgebra } from '../../../../program/semantics/slot-algebra.ts';
import type { FlatVectors } from '../engine-addon.ts';
import { TAPE_OPERATIONS } from '../engine-addon.ts';
import type { FlatLinear } from '../flatten-linear.ts';
import type { FlatTape } from '../tape-recorder.ts';

class WordReader {
  readonly #words: Int32Array;
  #next = 0;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  next(): number {
    const word = this.#words[this.#next++];
    if (word === undefined) throw new Error('the structure ends early');
    return word;
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.next() }, read);
  }

  end(): void {
    if (this.#next !== this.#words.length) throw new Error('something is left over');
  }
}

function vectorAt({ values, positions }: FlatVectors, index: number): Coefficient {
  const [list, places] = [values[index]!, positions[index]!];
  return places === null && list.length === 1 ? list[0]! : { indices: places, values: list };
}

function encoded<C, P>(algebra: SlotAlgebra<C, P>, value: Coefficient, level: number, scale: number): P {
  const plain = algebra.encode(value, level, scale);
  if (plain === null) throw new Error('a plaintext of a flat description is zero');
  return plain;
}

/** Inputs are borrowed; everything else that the tape makes is either an output or released by it. */
export function replayTape<C, P>(algebra: SlotAlgebra<C, P>, tape: FlatTape, inputs: readonly C[]): C[] {
  const reader = new WordReader(tape.structure);
  if (reader.next() !== inputs.length) throw new Error('the tape has another number of inputs');
  const registers: (C | undefined)[] = Array.from({ length: reader.next() }, (_, i) => inputs[i]);
  const outputs = reader.list(() => reader.next());
  const steps = reader.list(() => Array.from({ length: 5 }, () => reader.next()));
  const levels = reader.list(() => reader.next());
  reader.end();
  const at = (register: number): C => {
    const value = registers[register];
    if (value === undefined) throw new Error(`register ${register} is empty`);
    return value;
  };
  const plainAt = (index: number): P =>
    encoded(algebra, vectorAt(tape, index), levels[index]!, tape.scales[steps.length + index]!);
  steps.forEach(([code, result, left, right, argument], s) => {
    const operation = TAPE_OPERATIONS[code!]!;
    const scale = tape.scales[s]!;
    const target = result!;
    if (target < inputs.length) throw new Error('an input is written');
    switch (operation) {
      case 'dropToLevel':
        registers[target] = algebra.dropToLevel(at(left!), argument!);
        break;
      case 'rotate':
        if (target === left) algebra.rotateInPlace(at(target), argument!);
        else registers[target] = algebra.rotate(at(left!), argument!);
        break;
      case 'multiply':
        registers[target] = algebra.multiply(at(left!), at(right!), scale);
        break;
      case 'multiplyPlain':
        registers[target] = algebra.multiplyPlain(at(left!), plainAt(argument!), scale);
        break;
      case 'multiplyPlainAdd':
        algebra.multiplyPlainAddInPlace(at(left!), at(right!), plainAt(argument!));
        break;
      case 'add':
        algebra.addInPlace(at(left!), at(right!));
        break;
      case 'addPlain':
        algebra.addPlainInPlace(at(left!), plainAt(argument!));
        break;
      case 'relinearize':
        algebra.relinearizeInPlace(at(left!));
        break;
      case 'rescale':
        algebra.rescaleInPlace(at(left!), scale);
        break;
      case 'release':
        algebra.free(at(left!));
        registers[target] = undefined;
        break;
      case 'copy':
        throw new Error('the kernels copy nothing');
    }
  });
  const live = registers.flatMap((value, i) => (i >= inputs.length && value !== undefined ? [i] : []));
  if (live.toString() !== [...outputs].sort((a, b) => a - b).toString()) throw new Error('a register leaks');
  return outputs.map(at);
}

/** By definition of the flat form: babies, giants, reductions, rescale, bias. */
export function replayLinear<C, P>(algebra: SlotAlgebra<C, P>, flat: FlatLinear, inputs: readonly C[]): C[] {
  const reader = new WordReader(flat.structure);
  const level = reader.next();
  const via = (): number[] => reader.list(() => reader.next());
  const babies = reader.list(() => ({
    source: reader.next(),
    from: reader.next(),
    via: via(),
    step: reader.next(),
  }));
  const term = (): number[] => [reader.next(), reader.next()];
  const giant = () => ({ into: reader.next(), via: via(), terms: reader.list(term) });
  const outputs = reader.list(() => ({
    giants: reader.list(giant),
    reductions: reader.list(via),
    bias: reader.next(),
  }));
  reader.end();
  const rotated: C[] = [];
  for (const baby of babies) {
    const origin = baby.from === -1 ? algebra.dropToLevel(inputs[baby.source]!, level) : rotated[baby.from]!;
    rotated.push(baby.via.reduce((value, step) => algebra.rotate(value, step), origin));
  }
  const sumScale = flat.outputScale * algebra.primeAt(level);
  return outputs.map(({ giants, reductions, bias }) => {
    const flowed: (C | null)[] = giants.map(() => null);
    let total: C | null = null;
    giants.forEach(({ into, via: steps, terms }, g) => {
      let sum: C | null = flowed[g] ?? null;
      for (const [baby, diagonal] of terms) {
        const scale = flat.plainScales[babies[baby!]!.source]!;
        const plain = encoded(algebra, vectorAt(flat, diagonal!), level, scale);
        if (sum === null) sum = algebra.multiplyPlain(rotated[baby!]!, plain, sumScale);
        else algebra.multiplyPlainAddInPlace(sum, rotated[baby!]!, plain);
      }
      if (sum === null) return;
      let turned: C = sum;
      for (const step of steps) turned = algebra.rotate(turned, step);
      const target: C | null = into === -1 ? total : (flowed[into] ?? null);
      if (target !== null) algebra.addInPlace(target, turned);
      else if (into === -1) total = turned;
      else flowed[into] = turned;
    });
    if (total === null) throw new Error('an output has no terms');
    const result = total as C;
    for (const steps of reductions) {
      algebra.addInPlace(
        result,
        steps.reduce((value, step) => algebra.rotate(value, step), result),
      );
    }
    algebra.rescaleInPlace(result, flat.outputScale);
    if (bias !== -1)
      algebra.addPlainInPlace(result, encoded(algebra, vectorAt(flat, bias), level - 1, flat.outputScale));
    return result;
  });
}
