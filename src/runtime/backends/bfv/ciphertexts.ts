/**
 * BFV ciphertexts of node-seal with their bookkeeping: one part for each plain modulus, as coefficients or as transforms, every
 * byte accounted for.
 */
import type { Ciphertext } from 'node-seal';
import { sealCiphertextBytes } from '../../../program/memory-model.ts';
import type { HeapAccount } from '../seal/heap-account.ts';
import { callSeal } from '../seal/module.ts';
import type { BfvContext, Residue } from './context.ts';

/** One SEAL ciphertext for each plain modulus. */
export interface BfvCiphertext {
  parts: Ciphertext[];
  level: number;
  /** 3 after a product, until relinearized. */
  polynomials: 2 | 3;
  /** Whether `parts` are transforms. */
  transformed: boolean;
  /** Transforms of `parts`, where these are coefficients and a product has needed them. */
  transforms: Ciphertext[] | null;
  readonly bytes: number;
}

export class BfvCiphertexts {
  readonly #context: BfvContext;
  readonly #account: HeapAccount;
  readonly #checkpoint: () => void;

  /** `checkpoint` is called before every operation; it may throw to cancel. */
  constructor(context: BfvContext, account: HeapAccount, checkpoint: () => void) {
    this.#context = context;
    this.#account = account;
    this.#checkpoint = checkpoint;
  }

  /** Accounts for a ciphertext about to be loaded. */
  reserve(level: number): void {
    this.#account.allocate(this.#bytesAt(level), 'a ciphertext');
  }

  cancelReservation(level: number): void {
    this.#account.release(this.#bytesAt(level));
  }

  /** Takes over parts that were loaded after a reservation. */
  adopt(parts: Ciphertext[], level: number): BfvCiphertext {
    const bytes = this.#bytesAt(level);
    return { parts, level, polynomials: 2, transformed: false, transforms: null, bytes };
  }

  make(
    level: number,
    polynomials: 2 | 3,
    transformed: boolean,
    what: string,
    compute: (residue: Residue, result: Ciphertext, index: number) => void,
  ): BfvCiphertext {
    const bytes = (this.#bytesAt(level) * polynomials) / 2;
    this.#account.allocate(bytes, what);
    const { residues, handles, seal } = this.#context;
    const parts = residues.map(() => handles.own(new seal.Ciphertext()));
    try {
      this.run(what, () => residues.forEach((residue, r) => compute(residue, parts[r]!, r)));
      return { parts, level, polynomials, transformed, transforms: null, bytes };
    } catch (error) {
      this.#account.release(bytes);
      for (const part of parts) handles.free(part);
      throw error;
    }
  }

  /** What is stored and switched are coefficients. */
  toCoefficients(ciphertext: BfvCiphertext): void {
    if (!ciphertext.transformed) return;
    this.run('a transform', () =>
      this.#context.residues.forEach(({ evaluator }, r) =>
        evaluator.cipherTransformFromNttInplace(ciphertext.parts[r]!),
      ),
    );
    ciphertext.transformed = false;
  }

  /** Before products are added to it. */
  toTransforms(ciphertext: BfvCiphertext): void {
    this.forgetTransforms(ciphertext);
    if (ciphertext.transformed) return;
    this.run('a transform', () =>
      this.#context.residues.forEach(({ evaluator }, r) =>
        evaluator.cipherTransformToNttInplace(ciphertext.parts[r]!),
      ),
    );
    ciphertext.transformed = true;
  }

  /** For `store`, too. */
  coefficientsOf(ciphertext: BfvCiphertext): readonly Ciphertext[] {
    this.toCoefficients(ciphertext);
    return ciphertext.parts;
  }

  transformsOf(ciphertext: BfvCiphertext): readonly Ciphertext[] {
    if (ciphertext.transformed) return ciphertext.parts;
    if (ciphertext.transforms !== null) return ciphertext.transforms;
    const { residues, handles, seal } = this.#context;
    this.#account.allocate(ciphertext.bytes, 'a transform');
    const transforms = residues.map(() => handles.own(new seal.Ciphertext()));
    ciphertext.transforms = transforms;
    this.run('a transform', () =>
      residues.forEach(({ evaluator }, r) =>
        evaluator.cipherTransformToNtt(ciphertext.parts[r]!, transforms[r]!),
      ),
    );
    return transforms;
  }

  forgetTransforms(ciphertext: BfvCiphertext): void {
    if (ciphertext.transforms === null) return;
    this.#account.release(ciphertext.bytes);
    for (const part of ciphertext.transforms) this.#context.handles.free(part);
    ciphertext.transforms = null;
  }

  /** Changes coefficients in place. */
  change(
    ciphertext: BfvCiphertext,
    what: string,
    compute: (residue: Residue, part: Ciphertext, index: number) => void,
  ): void {
    this.toCoefficients(ciphertext);
    this.forgetTransforms(ciphertext);
    this.run(what, () =>
      this.#context.residues.forEach((residue, r) => compute(residue, ciphertext.parts[r]!, r)),
    );
  }

  free(ciphertext: BfvCiphertext): void {
    this.forgetTransforms(ciphertext);
    this.#account.release(ciphertext.bytes);
    for (const part of ciphertext.parts) this.#context.handles.free(part);
  }

  run(what: string, operation: () => void): void {
    this.#checkpoint();
    callSeal(what, operation);
  }

  #bytesAt(level: number): number {
    return this.#context.residues.length * sealCiphertextBytes(this.#context.parameters, level);
  }
}
