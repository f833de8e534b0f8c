/**
 * Records what the kernels of program/semantics do, so that the engine can do it in one call: the meaning of a polynomial or a
 * product is written once, and this is one more interpreter of it. Levels and scales are checked as they are recorded.
 */
import { InternalError } from '../../../errors.ts';
import type { Coefficient } from '../../../program/program.ts';
import type { ShapeCiphertext, ShapePlaintext } from '../../../program/semantics/counting-algebra.ts';
import { CountingAlgebra } from '../../../program/semantics/counting-algebra.ts';
import type { SlotAlgebra } from '../../../program/semantics/slot-algebra.ts';
import type { FlatVectors, TapeOperation } from './engine-addon.ts';
import { TAPE_OPERATIONS } from './engine-addon.ts';
import { encodesToZero, VectorTable } from './flat-vectors.ts';

export interface RecordedCiphertext extends ShapeCiphertext {
  readonly register: number;
}

export interface RecordedPlaintext extends ShapePlaintext {
  readonly index: number;
}

export interface FlatTape extends FlatVectors {
  readonly structure: Int32Array;
  /** Of each step's result, then of each plaintext. */
  readonly scales: Float64Array;
}

export class TapeRecorder implements SlotAlgebra<RecordedCiphertext, RecordedPlaintext> {
  readonly slotCount: number;
  readonly #shapes: CountingAlgebra;
  readonly #inputs: number;
  readonly #steps: number[] = [];
  readonly #stepScales: number[] = [];
  readonly #vectors = new VectorTable();
  /** Plaintexts by value, level and scale. */
  readonly #plaintexts = new Map<string, RecordedPlaintext>();
  readonly #plainVectors: number[] = [];
  readonly #free: number[] = [];
  #registers: number;

  /**
   * @param primes q_0 … q_L as float64
   * @param inputs number of input ciphertexts: the registers 0 …
   */
  constructor(slotCount: number, primes: readonly number[], inputs: number) {
    this.slotCount = slotCount;
    this.#shapes = new CountingAlgebra(slotCount, primes);
    this.#inputs = inputs;
    this.#registers = inputs;
  }

  input(register: number, level: number, scale: number): RecordedCiphertext {
    return { register, level, scale, degree: 1 };
  }

  /** What was recorded; `outputs` are ciphertexts that the caller owns. */
  finish(outputs: readonly RecordedCiphertext[]): FlatTape {
    const plaintexts = [...this.#plaintexts.values()];
    const structure = Int32Array.from([
      this.#inputs,
      this.#registers,
      outputs.length,
      ...outputs.map(({ register }) => register),
      this.#stepScales.length,
      ...this.#steps,
      plaintexts.length,
      ...plaintexts.map(({ level }) => level),
    ]);
    const scales = Float64Array.from([...this.#stepScales, ...plaintexts.map(({ scale }) => scale)]);
    const { values, positions } = this.#vectors;
    return {
      structure,
      scales,
      values: this.#plainVectors.map((index) => values[index]!),
      positions: this.#plainVectors.map((index) => positions[index]!),
    };
  }

  primeAt(level: number): number {
    return this.#shapes.primeAt(level);
  }

  levelOf(ciphertext: RecordedCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(ciphertext: RecordedCiphertext): number {
    return ciphertext.scale;
  }

  rotate(ciphertext: RecordedCiphertext, step: number): RecordedCiphertext {
    return this.#make('rotate', this.#shapes.rotate(ciphertext, step), ciphertext, null, step);
  }

  rotateInPlace(ciphertext: RecordedCiphertext, step: number): void {
    this.#shapes.rotateInPlace(ciphertext, step);
    this.#change('rotate', ciphertext, null, step);
  }

  dropToLevel(ciphertext: RecordedCiphertext, level: number): RecordedCiphertext {
    return this.#make('dropToLevel', this.#shapes.dropToLevel(ciphertext, level), ciphertext, null, level);
  }

  multiply(left: RecordedCiphertext, right: RecordedCiphertext, scale: number): RecordedCiphertext {
    return this.#make('multiply', this.#shapes.multiply(left, right, scale), left, right, 0);
  }

  multiplyPlain(ciphertext: RecordedCiphertext, plain: RecordedPlaintext, scale: number): RecordedCiphertext {
    const shape = this.#shapes.multiplyPlain(ciphertext, plain, scale);
    return this.#make('multiplyPlain', shape, ciphertext, null, plain.index);
  }

  multiplyPlainAddInPlace(
    sum: RecordedCiphertext,
    ciphertext: RecordedCiphertext,
    plain: RecordedPlaintext,
  ): void {
    this.#shapes.multiplyPlainAddInPlace(sum, ciphertext, plain);
    this.#change('multiplyPlainAdd', sum, ciphertext, plain.index);
  }

  addInPlace(sum: RecordedCiphertext, addend: RecordedCiphertext): void {
    this.#shapes.addInPlace(sum, addend);
    this.#change('add', sum, addend, 0);
  }

  addPlainInPlace(sum: RecordedCiphertext, plain: RecordedPlaintext): void {
    this.#shapes.addPlainInPlace(sum, plain);
    this.#change('addPlain', sum, null, plain.index);
  }

  relinearizeInPlace(ciphertext: RecordedCiphertext): void {
    if (ciphertext.degree === 1) return;
    this.#shapes.relinearizeInPlace(ciphertext);
    this.#change('relinearize', ciphertext, null, 0);
  }

  rescaleInPlace(ciphertext: RecordedCiphertext, scale: number): void {
    this.#shapes.rescaleInPlace(ciphertext, scale);
    this.#change('rescale', ciphertext, null, 0);
  }

  free(ciphertext: RecordedCiphertext): void {
    this.#change('release', ciphertext, null, 0);
    this.#free.push(ciphertext.register);
  }

  encode(value: Coefficient, level: number, scale: number): RecordedPlaintext | null {
    if (encodesToZero(value, scale)) return null;
    const vector = this.#vectors.add(value);
    const key = `${vector}/${level}/${scale}`;
    let plain = this.#plaintexts.get(key);
    if (plain === undefined) {
      plain = { index: this.#plaintexts.size, level, scale };
      this.#plaintexts.set(key, plain);
      this.#plainVectors.push(vector);
    }
    return plain;
  }

  release(): void {
    // Plaintexts stay on the tape.
  }

  #make(
    operation: TapeOperation,
    shape: ShapeCiphertext,
    left: RecordedCiphertext,
    right: RecordedCiphertext | null,
    argument: number,
  ): RecordedCiphertext {
    const register = this.#free.pop() ?? this.#registers++;
    const { level, scale, degree } = shape;
    this.#record(operation, register, left, right, argument, scale);
    return { register, level, scale, degree };
  }

  #change(
    operation: TapeOperation,
    target: RecordedCiphertext,
    right: RecordedCiphertext | null,
    argument: number,
  ): void {
    if (target.register < this.#inputs) throw new InternalError(`${operation} would change an input`);
    this.#record(operation, target.register, target, right, argument, target.scale);
  }

  #record(
    operation: TapeOperation,
    result: number,
    left: RecordedCiphertext,
    right: RecordedCiphertext | null,
    argument: number,
    scale: number,
  ): void {
    const code = TAPE_OPERATIONS.indexOf(operation);
    this.#steps.push(code, result, left.register, right?.register ?? 0, argument);
    this.#stepScales.push(operation === 'release' ? 0 : scale);
  }
}
