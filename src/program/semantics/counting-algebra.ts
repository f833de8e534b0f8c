/** An interpreter that computes only levels and scales and reports every operation: dry runs, costs, output scales. */
import { InternalError } from '../../errors.ts';
import type { Coefficient, ValueInfo } from '../program.ts';
import { isZero } from '../slot-vector.ts';
import type { SlotAlgebra } from './slot-algebra.ts';
import { assertSameScale } from './slot-algebra.ts';

export type PrimitiveOperation =
  | 'rotate'
  | 'multiplyPlain'
  | 'multiply'
  | 'relinearize'
  | 'add'
  | 'addPlain'
  | 'rescale'
  | 'encode'
  | 'refresh';

/** Told of each operation with the level at which it happens (of a rescale: the level before it). */
export type OperationVisitor = (operation: PrimitiveOperation, level: number) => void;

export interface ShapeCiphertext {
  level: number;
  scale: number;
  /** Degree in the secret key: 2 after a product, until relinearized. */
  degree: 1 | 2;
}

export interface ShapePlaintext {
  readonly level: number;
  readonly scale: number;
}

/** The ciphertexts of a value. */
export function shapesOf({
  ciphertexts,
  level,
  scale,
}: Pick<ValueInfo, 'ciphertexts' | 'level' | 'scale'>): ShapeCiphertext[] {
  return Array.from({ length: ciphertexts }, () => ({ level, scale, degree: 1 }));
}

export class CountingAlgebra implements SlotAlgebra<ShapeCiphertext, ShapePlaintext> {
  readonly slotCount: number;
  readonly #primes: readonly number[];
  readonly #visit: OperationVisitor;

  constructor(slotCount: number, primes: readonly number[], visit: OperationVisitor = () => undefined) {
    this.slotCount = slotCount;
    this.#primes = primes;
    this.#visit = visit;
  }

  primeAt(level: number): number {
    const prime = this.#primes[level];
    if (prime === undefined) throw new InternalError(`there is no level ${level}`);
    return prime;
  }

  levelOf(ciphertext: ShapeCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(ciphertext: ShapeCiphertext): number {
    return ciphertext.scale;
  }

  rotate(ciphertext: ShapeCiphertext, step: number): ShapeCiphertext {
    const rotated = { ...ciphertext };
    this.rotateInPlace(rotated, step);
    return rotated;
  }

  rotateInPlace(ciphertext: ShapeCiphertext, step: number): void {
    assertDegreeOne(ciphertext, 'rotate');
    if (!Number.isInteger(step) || step <= 0 || step >= this.slotCount) {
      throw new InternalError(`rotation step ${step} is not in 1 … ${this.slotCount - 1}`);
    }
    this.#visit('rotate', ciphertext.level);
  }

  dropToLevel(ciphertext: ShapeCiphertext, level: number): ShapeCiphertext {
    if (level > ciphertext.level || level < 0) {
      throw new InternalError(`cannot drop from level ${ciphertext.level} to ${level}`);
    }
    return { ...ciphertext, level };
  }

  multiply(left: ShapeCiphertext, right: ShapeCiphertext, scale: number): ShapeCiphertext {
    assertDegreeOne(left, 'multiply');
    assertDegreeOne(right, 'multiply');
    assertSameLevel(left, right);
    assertSameScale(scale, left.scale * right.scale);
    this.#visit('multiply', left.level);
    return { level: left.level, scale, degree: 2 };
  }

  multiplyPlain(ciphertext: ShapeCiphertext, plain: ShapePlaintext, scale: number): ShapeCiphertext {
    assertSameLevel(ciphertext, plain);
    assertSameScale(scale, ciphertext.scale * plain.scale);
    this.#visit('multiplyPlain', ciphertext.level);
    return { level: ciphertext.level, scale, degree: ciphertext.degree };
  }

  multiplyPlainAddInPlace(sum: ShapeCiphertext, ciphertext: ShapeCiphertext, plain: ShapePlaintext): void {
    this.addInPlace(sum, this.multiplyPlain(ciphertext, plain, sum.scale));
  }

  addInPlace(sum: ShapeCiphertext, addend: ShapeCiphertext): void {
    assertSameLevel(sum, addend);
    if (sum.scale !== addend.scale) {
      throw new InternalError(`addition at scales ${sum.scale} and ${addend.scale}`);
    }
    sum.degree = Math.max(sum.degree, addend.degree) as 1 | 2;
    this.#visit('add', sum.level);
  }

  addPlainInPlace(sum: ShapeCiphertext, plain: ShapePlaintext): void {
    assertSameLevel(sum, plain);
    if (sum.scale !== plain.scale)
      throw new InternalError(`addition at scales ${sum.scale} and ${plain.scale}`);
    this.#visit('addPlain', sum.level);
  }

  relinearizeInPlace(ciphertext: ShapeCiphertext): void {
    if (ciphertext.degree === 1) return;
    ciphertext.degree = 1;
    this.#visit('relinearize', ciphertext.level);
  }

  rescaleInPlace(ciphertext: ShapeCiphertext, scale: number): void {
    assertDegreeOne(ciphertext, 'rescale');
    if (ciphertext.level === 0) throw new InternalError('a ciphertext at level 0 cannot be rescaled');
    assertSameScale(scale, ciphertext.scale / this.primeAt(ciphertext.level));
    this.#visit('rescale', ciphertext.level);
    ciphertext.level--;
    ciphertext.scale = scale;
  }

  refresh(ciphertext: ShapeCiphertext, _ratio: number, level: number, scale: number): ShapeCiphertext {
    assertDegreeOne(ciphertext, 'refresh');
    this.#visit('refresh', ciphertext.level);
    return { level, scale, degree: 1 };
  }

  encode(value: Coefficient, level: number, scale: number): ShapePlaintext | null {
    if (typeof value === 'number' ? value === 0 : isZero(value)) return null;
    this.#visit('encode', level);
    return { level, scale };
  }

  free(): void {
    // Nothing is held.
  }

  release(): void {
    // Nothing is held.
  }
}

export function assertDegreeOne(ciphertext: { readonly degree: 1 | 2 }, operation: string): void {
  if (ciphertext.degree !== 1) throw new InternalError(`${operation} needs a relinearized ciphertext`);
}

export function assertSameLevel(left: { readonly level: number }, right: { readonly level: number }): void {
  if (left.level !== right.level) {
    throw new InternalError(`operands are at levels ${left.level} and ${right.level}`);
  }
}
