/**
 * What a backend does, in whole instructions over opaque ciphertexts, so that it may hoist and fuse. A backend lives in
 * one worker, holds evaluation keys but never a secret key, and owns what it allocates. It has several threads of its own, or
 * can be one of several workers that divide instructions among them.
 */
import { BackendError } from '../errors.ts';
import type { RefreshStepTime } from '../program/artifact.ts';
import type {
  Instruction,
  LinearInstruction,
  PolynomialInstruction,
  ProductInstruction,
  RefreshInstruction,
  ValueInfo,
} from '../program/program.ts';
import type { TermFilter } from '../program/semantics/evaluate-linear.ts';

export type BackendName = 'seal' | 'native' | 'cleartext';

/** Keys of refreshes, as bytes. */
export interface RefreshKeyBytes {
  readonly conjugation: Uint8Array;
  /** To the ephemeral secret, and back to the dense one. */
  readonly encapsulation: Uint8Array;
  readonly decapsulation: Uint8Array;
}

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
  /** @throws BackendError PARAMETERS_UNSUPPORTED where the backend has no refresh */
  loadRefreshKeys(keys: RefreshKeyBytes): void;
  /**
   * Reads a ciphertext and checks it: modulus, degree, level.
   * @throws ArtifactError CIPHERTEXT_INVALID, BackendError MEMORY_EXCEEDED
   */
  load(bytes: Uint8Array, level: number, scale: number): C;
  store(ciphertext: C): Uint8Array;
  free(ciphertext: C): void;

  /**
   * Makes ready what the instruction will need (of a linear one, for the selected terms), as far as memory goes.
   * @param values the program's, indexed by ValueId
   */
  prepare(instruction: Instruction, values: readonly ValueInfo[], includes: TermFilter): void;
  /** All output ciphertexts, at level − 1 and `outputScale`. */
  linear(instruction: LinearInstruction, operands: LinearOperands<C>, outputScale: number): C[];
  polynomial(instruction: PolynomialInstruction, input: C, index: number, outputScale: number): C;
  product(instruction: ProductInstruction, left: C, right: C, outputScale: number): C;
  /** @throws BackendError PARAMETERS_UNSUPPORTED where the backend has no refresh */
  refresh(instruction: RefreshInstruction, input: C, output: Pick<ValueInfo, 'level' | 'scale'>): C;

  /** What each step of all refreshes together has taken so far; left out where they are not taken step by step. */
  refreshStepsMs?(): readonly RefreshStepTime[];

  /** Memory held outside the JavaScript heap, bytes. */
  memoryBytes(): number;
}

/** A backend of one thread, which shares a linear instruction with the workers beside it. */
export interface DividingBackend<C> extends EvaluationBackend<C> {
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
}

export function canDivide<C>(backend: EvaluationBackend<C>): backend is DividingBackend<C> {
  return 'linearSums' in backend && 'linearFinish' in backend;
}

/** Where neither instructions nor keys of refreshes can be taken. */
export function refreshUnsupported(backend: string): BackendError {
  return new BackendError('PARAMETERS_UNSUPPORTED', `${backend} has no refresh (bootstrap)`, {
    hint: 'use --backend native, or compile the model with lower degrees, so that nothing need be refreshed',
  });
}
