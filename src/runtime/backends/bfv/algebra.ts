/**
 * The interpreter that computes on BFV ciphertexts of node-seal: exact integers, scale 1 throughout. A "rescale" switches to the
 * next smaller modulus, which sheds noise as in CKKS, but leaves values as they are.
 *
 * SEAL keeps BFV ciphertexts as coefficients, and transforms them and the plaintext at every plaintext product. Here a
 * factor's transform is made once and kept with it, plaintexts are kept transformed, and products are summed as transforms.
 */
import type { Ciphertext, GaloisKeys, Plaintext, RelinKeys } from 'node-seal';
import { BackendError, InternalError } from '../../../errors.ts';
import { sealPlaintextBytes } from '../../../program/memory-model.ts';
import type { Coefficient } from '../../../program/program.ts';
import type { SlotAlgebra } from '../../../program/semantics/slot-algebra.ts';
import { toDense } from '../../../program/slot-vector.ts';
import type { HeapAccount } from '../seal/heap-account.ts';
import { callSeal } from '../seal/module.ts';
import type { BfvCiphertext } from './ciphertexts.ts';
import { BfvCiphertexts } from './ciphertexts.ts';
import type { BfvContext, Residue } from './context.ts';
import type { BfvPlaintext, BfvPlaintextCache } from './plaintext-cache.ts';

export interface BfvKeys {
  /** Per plain modulus. */
  readonly galois: ReadonlyMap<number, readonly GaloisKeys[]>;
  readonly relinearization: readonly RelinKeys[] | null;
}

export class BfvAlgebra implements SlotAlgebra<BfvCiphertext, BfvPlaintext> {
  readonly slotCount: number;
  /** Makes, converts and frees them; `BfvBackend` loads and stores through it. */
  readonly ciphertexts: BfvCiphertexts;
  readonly #context: BfvContext;
  readonly #keys: () => BfvKeys;
  readonly #account: HeapAccount;
  readonly #cache: BfvPlaintextCache;
  readonly #checkpoint: () => void;
  /** Per plain modulus: receives products that are added at once. */
  readonly #products: readonly Ciphertext[];
  readonly #dense: Float64Array;

  constructor(
    context: BfvContext,
    keys: () => BfvKeys,
    account: HeapAccount,
    cache: BfvPlaintextCache,
    checkpoint: () => void,
  ) {
    this.#context = context;
    this.#keys = keys;
    this.#account = account;
    this.#cache = cache;
    this.#checkpoint = checkpoint;
    this.slotCount = context.slotCount;
    this.#dense = new Float64Array(context.slotCount);
    this.ciphertexts = new BfvCiphertexts(context, account, checkpoint);
    this.ciphertexts.reserve(context.topLevel);
    this.#products = context.residues.map(() => context.handles.own(new context.seal.Ciphertext()));
  }

  primeAt(level: number): number {
    if (level < 0 || level > this.#context.topLevel) throw new InternalError(`there is no level ${level}`);
    return 1;
  }

  levelOf(ciphertext: BfvCiphertext): number {
    return ciphertext.level;
  }

  scaleOf(_ciphertext: BfvCiphertext): number {
    return 1;
  }

  rotate(ciphertext: BfvCiphertext, step: number): BfvCiphertext {
    const keys = this.#galoisKeys(step);
    this.ciphertexts.toCoefficients(ciphertext);
    return this.ciphertexts.make(ciphertext.level, 2, false, 'a rotation', ({ evaluator }, result, r) =>
      evaluator.rotateRows(ciphertext.parts[r]!, step, keys[r]!, result),
    );
  }

  rotateInPlace(ciphertext: BfvCiphertext, step: number): void {
    const keys = this.#galoisKeys(step);
    this.ciphertexts.change(ciphertext, 'a rotation', ({ evaluator }, part, r) =>
      evaluator.rotateRowsInplace(part, step, keys[r]!),
    );
  }

  dropToLevel(ciphertext: BfvCiphertext, level: number): BfvCiphertext {
    this.ciphertexts.toCoefficients(ciphertext);
    return this.ciphertexts.make(level, 2, false, 'a modulus switch', ({ evaluator, parmsIds }, result, r) =>
      evaluator.cipherModSwitchTo(ciphertext.parts[r]!, parmsIds[level]!, result),
    );
  }

  multiply(left: BfvCiphertext, right: BfvCiphertext): BfvCiphertext {
    this.ciphertexts.toCoefficients(left);
    this.ciphertexts.toCoefficients(right);
    return this.ciphertexts.make(left.level, 3, false, 'a product', ({ evaluator }, result, r) => {
      if (left === right) evaluator.square(left.parts[r]!, result);
      else evaluator.multiply(left.parts[r]!, right.parts[r]!, result);
    });
  }

  multiplyPlain(ciphertext: BfvCiphertext, plain: BfvPlaintext): BfvCiphertext {
    const factors = this.ciphertexts.transformsOf(ciphertext);
    return this.ciphertexts.make(
      ciphertext.level,
      ciphertext.polynomials,
      true,
      'a product',
      (residue, result, r) => {
        const factor = plain.parts[r]!;
        if (factor !== null) residue.evaluator.multiplyPlain(factors[r]!, factor, result);
        else this.#zero(residue, factors[r]!, result);
      },
    );
  }

  multiplyPlainAddInPlace(sum: BfvCiphertext, ciphertext: BfvCiphertext, plain: BfvPlaintext): void {
    const factors = this.ciphertexts.transformsOf(ciphertext);
    this.ciphertexts.toTransforms(sum);
    this.ciphertexts.run('a plaintext product', () =>
      this.#context.residues.forEach(({ evaluator }, r) => {
        const factor = plain.parts[r]!;
        if (factor === null) return;
        const product = this.#products[r]!;
        evaluator.multiplyPlain(factors[r]!, factor, product);
        evaluator.addInplace(sum.parts[r]!, product);
      }),
    );
  }

  addInPlace(sum: BfvCiphertext, addend: BfvCiphertext): void {
    if (sum.transformed !== addend.transformed) {
      this.ciphertexts.toCoefficients(sum);
      this.ciphertexts.toCoefficients(addend);
    }
    this.ciphertexts.run('an addition', () =>
      this.#context.residues.forEach(({ evaluator }, r) =>
        evaluator.addInplace(sum.parts[r]!, addend.parts[r]!),
      ),
    );
    this.ciphertexts.forgetTransforms(sum);
  }

  addPlainInPlace(sum: BfvCiphertext, plain: BfvPlaintext): void {
    // Added as coefficients modulo t, which SEAL scales up; what `encode` made are transforms for products.
    this.ciphertexts.change(sum, 'an addition', (residue, part, r) => {
      if (plain.parts[r] === null) return;
      const { handles, seal } = this.#context;
      const coefficients = handles.own(new seal.Plaintext());
      try {
        this.#encodeInto(residue, plain.value, coefficients);
        residue.evaluator.addPlainInplace(part, coefficients);
      } finally {
        handles.free(coefficients);
      }
    });
  }

  relinearizeInPlace(ciphertext: BfvCiphertext): void {
    if (ciphertext.polynomials === 2) return;
    const { relinearization } = this.#keys();
    if (relinearization === null) throw missingKey('a relinearization key');
    this.ciphertexts.change(ciphertext, 'a relinearization', ({ evaluator }, part, r) =>
      evaluator.relinearizeInplace(part, relinearization[r]!),
    );
    ciphertext.polynomials = 2;
  }

  rescaleInPlace(ciphertext: BfvCiphertext, _scale: number): void {
    this.ciphertexts.change(ciphertext, 'a modulus switch', ({ evaluator }, part) =>
      evaluator.cipherModSwitchToNextInplace(part),
    );
    ciphertext.level--;
  }

  zeroFrom(ciphertext: BfvCiphertext): BfvCiphertext {
    this.ciphertexts.toCoefficients(ciphertext);
    return this.ciphertexts.make(ciphertext.level, 2, false, 'a zero', (residue, result, r) =>
      this.#zero(residue, ciphertext.parts[r]!, result),
    );
  }

  free(ciphertext: BfvCiphertext): void {
    this.ciphertexts.free(ciphertext);
  }

  encode(value: Coefficient, level: number, _scale: number): BfvPlaintext | null {
    const kept = this.#cache.get(value, level);
    if (kept !== undefined) return kept;
    this.#checkpoint();
    const { residues, handles, seal } = this.#context;
    const bytes = this.plaintextBytes(level);
    this.#account.allocate(bytes, 'a plaintext');
    const parts = residues.map((residue): Plaintext | null => {
      const plain = handles.own(new seal.Plaintext());
      this.#encodeInto(residue, value, plain);
      if (plain.isZero()) {
        handles.free(plain);
        return null;
      }
      callSeal('encoding', () =>
        residue.evaluator.plainTransformToNttInplace(plain, residue.parmsIds[level]!),
      );
      return plain;
    });
    const plaintext = { value, level, parts, bytes };
    if (parts.every((part) => part === null)) {
      this.#account.release(bytes);
      this.#cache.offer(value, level, null);
      return null;
    }
    this.#cache.offer(value, level, plaintext);
    return plaintext;
  }

  release(plain: BfvPlaintext): void {
    if (this.#cache.holds(plain)) return;
    this.#account.release(plain.bytes);
    for (const part of plain.parts) if (part !== null) this.#context.handles.free(part);
  }

  /** Of a plaintext at `level`, all parts. */
  plaintextBytes(level: number): number {
    return this.#context.residues.length * sealPlaintextBytes(this.#context.parameters, level);
  }

  /** t · x, which decrypts to zero and is not transparent, by doubling: t is no plaintext modulo t. */
  #zero({ modulus, evaluator }: Residue, x: Ciphertext, result: Ciphertext): void {
    const bits = modulus.toString(2).slice(1);
    for (const [i, bit] of [...bits].entries()) {
      if (i === 0) evaluator.add(x, x, result);
      else evaluator.addInplace(result, result);
      if (bit === '1') evaluator.addInplace(result, x);
    }
  }

  #encodeInto(residue: Residue, value: Coefficient, plain: Plaintext): void {
    if (typeof value === 'number') this.#context.encodeConstant(residue, value, plain);
    else this.#context.encode(residue, toDense(value, this.#dense), plain);
  }

  #galoisKeys(step: number): readonly GaloisKeys[] {
    const keys = this.#keys().galois.get(step);
    if (keys === undefined) throw missingKey(`a Galois key for rotation step ${step}`);
    return keys;
  }
}

function missingKey(what: string): BackendError {
  return new BackendError('KEY_MISSING', `the evaluation keys lack ${what}`, {
    hint: 'generate the keys from the signature of this artifact',
  });
}
