/**
 * What a backend does, in whole instructions over opaque ciphertexts, so that it may hoist and fuse. A backend lives in
 * one worker, holds evaluation keys but never a secret key, and owns what it allocates.
 */
import type { LinearInstruction, PolynomialInstruction, ProductInstruction } from '../program/program.ts';
import type { TermFilter } from '../program/semantics/evaluate-linear.ts';

export type BackendName = 'seal' | 'native' | 'cleartext';

/** The ciphertexts of a linear instruction's inputs, concatenated, and how many belong to each input. */
export interface LinearOperands<C> {
  readonly ciphertexts: readonly C[];
  readonly counts: readonly number[];
}

/** A ciphertext returned is owned by the caller, who gives it back with `free`; arguments are borrowed. */
export interface EvaluationBackend<C> extends Disposable {
  readonly name: BackendName;
  /** @throws ArtifactError KEY_INVALID, BackendError MEMORY_EXCEEDED */
  loadRotationKey(step: number, bytes: Uint8Array): void;
  loadRelinearizationKey(bytes: Uint8Array): void;
  /**
   * Reads a ciphertext and checks it: modulus, degree, level.
   * @throws ArtifactError CIPHERTEXT_INVALID, BackendError MEMORY_EXCEEDED
   */
  load(bytes: Uint8Array, level: number, scale: number): C;
  store(ciphertext: C): Uint8Array;
  free(ciphertext: C): void;

  /** Encodes what the selected terms will need, as far as the plaintext budget goes; may do nothing. */
  prepareLinear(instruction: LinearInstruction, counts: readonly number[], includes: TermFilter): void;
  /** The sums of the selected terms before reductions and rescale; see `accumulateLinear`. */
  linearSums(
    instruction: LinearInstruction,
    operands: LinearOperands<C>,
    outputScale: number,
    includes: TermFilter,
  ): (C | null)[];
  /**
   * Adds the partial sums of each output ciphertext in `outputs` and finishes them. Sums are freed; `fallback` is any
   * operand, for an output without terms.
   */
  linearFinish(
    instruction: LinearInstruction,
    outputs: readonly { readonly output: number; readonly sums: readonly C[] }[],
    fallback: C,
    outputScale: number,
  ): C[];
  polynomial(instruction: PolynomialInstruction, input: C, index: number, outputScale: number): C;
  product(instruction: ProductInstruction, left: C, right: C, outputScale: number): C;

  /** Memory held outside the JavaScript heap, bytes. */
  memoryBytes(): number;
}
