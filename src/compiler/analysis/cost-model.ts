/** What the operations of a program cost on a backend, in milliseconds on one core, and what keys weigh: used by every search. */

import { InternalError } from '../../errors.ts';
import type { PrimitiveOperation } from '../../program/semantics/counting-algebra.ts';
import type { RefreshStep } from '../../program/semantics/refresh-plan.ts';

/**
 * The parts of a linear map at one level. A backend that hoists decomposes a ciphertext once (`open`) for all its rotations; on
 * one that does not, opening is free and each rotation pays in full.
 */
export interface LinearCosts {
  /** Making an input ciphertext ready to be rotated, once for all rotations of it. */
  readonly open: number;
  /** The same for a ciphertext that is a rotation itself. */
  readonly reopen: number;
  /** A rotation of an opened ciphertext. */
  readonly baby: number;
  /** Rotating a sum and adding it to another: giant steps and reductions. */
  readonly giant: number;
  /** A product with an encoded diagonal, added to a sum. */
  readonly term: number;
  /** Added to that, each time: of a diagonal that is kept as coefficients only, and of one that is not kept at all. */
  readonly expand: number;
  readonly encode: number;
  /** Finishing an output ciphertext, rescale included. */
  readonly output: number;
  /** What one more distinct rotation key is worth to the search for baby and giant steps. */
  readonly key: number;
  /** Memory of one encoded diagonal, and of its coefficients. */
  readonly diagonalBytes: number;
  readonly coefficientBytes: number;
}

export interface RefreshStepCosts {
  readonly step: RefreshStep;
  readonly ms: number;
  readonly expand: number;
}

/** One refresh of one ciphertext. */
export interface RefreshCosts {
  /** With all diagonals of its transforms encoded ahead; and what is added where they are kept as coefficients only. */
  readonly ms: number;
  readonly expand: number;
  /** What these two are the sums of: every step once, in order. */
  readonly steps: readonly RefreshStepCosts[];
  /** Memory of the diagonals, encoded or as coefficients, which all refreshes of one scale and ratio share. */
  readonly diagonalBytes: number;
  readonly coefficientBytes: number;
}

export interface CostModel {
  readonly backend: string;
  readonly slotCount: number;
  linear(level: number): LinearCosts;
  /** Ciphertext product, not relinearized. */
  multiply(level: number): number;
  relinearize(level: number): number;
  /** Multiply by an encoded vector, outside of linear maps. */
  multiplyPlain(level: number): number;
  add(level: number): number;
  /** A sum of `terms` ciphertexts with one number for all slots each, of magnitude 1 or less, at `plainScale`. */
  weightedSum(terms: number, level: number, plainScale: number): number;
  rescale(level: number): number;
  /** Left out where the chain has nothing for refreshes. */
  readonly refresh?: RefreshCosts;
  /** Bytes of a Galois or relinearization key, in memory, that serves ciphertexts at `level` and below. */
  keyBytes(level: number): number;
  /** Part of a program's latency that getting rid of a key of so many bytes is worth. */
  keyWorth(bytes: number): number;
}

/** One primitive operation outside of linear maps; plaintexts are encoded ahead. */
export function operationMs(cost: CostModel, operation: PrimitiveOperation, level: number): number {
  switch (operation) {
    case 'multiplyPlain':
      return cost.multiplyPlain(level);
    case 'multiply':
      return cost.multiply(level);
    case 'relinearize':
      return cost.relinearize(level);
    case 'add':
    case 'addPlain':
      return cost.add(level);
    case 'rescale':
      return cost.rescale(level);
    case 'refresh':
      return refreshOf(cost).ms;
    case 'encode':
    case 'rotate':
      return 0;
  }
}

/** Programs that refresh are made for chains that can. */
export function refreshOf({ backend, refresh }: CostModel): RefreshCosts {
  if (refresh === undefined) throw new InternalError(`a refresh under a chain of ${backend} that has none`);
  return refresh;
}
