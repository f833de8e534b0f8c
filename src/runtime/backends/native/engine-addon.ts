/** What he_engine.node offers. Every call checks its arguments; errors carry a `code`, see `callNative`. */
import { loadAddon } from './load-addon.ts';

/**
 * Slot vectors side by side: values, and the slots they stand in (null: a single value, or one for every slot). Twice as many values
 * are all the real parts and then all the imaginary ones.
 */
export interface FlatVectors {
  readonly values: readonly Float64Array[];
  readonly positions: readonly (Int32Array | null)[];
}

/** The step of rotation keys that conjugate instead: no slot moves. */
export const CONJUGATION = 0;

/** Holds keys and ciphertexts outside the JavaScript heap; ciphertexts go by number. */
export interface NativeEngine {
  loadRotationKey(step: number, bytes: Uint8Array): void;
  loadRelinearizationKey(bytes: Uint8Array): void;
  /** Of bootstrapping; see native/engine/raise.h. */
  loadRaiseKeys(encapsulation: Uint8Array, decapsulation: Uint8Array): void;
  load(bytes: Uint8Array): number;
  store(handle: number): Uint8Array<ArrayBuffer>;
  /** Level, scale, number of polynomials. */
  describe(handle: number): Float64Array;
  /** The planned scale in place of the one that came with the ciphertext. */
  setScale(handle: number, scale: number): void;
  free(handle: number): void;
  /** One primitive operation, see `TAPE_OPERATIONS`; returns a new ciphertext. */
  apply(
    operation: number,
    left: number,
    right: number,
    argument: number,
    scale: number,
    values: Float64Array | null,
    positions: Int32Array | null,
    plainLevel: number,
    plainScale: number,
  ): number;
  /** Returns the number under which `linear` knows the transform. */
  prepareLinear(
    structure: Int32Array,
    plainScales: Float64Array,
    outputScale: number,
    values: FlatVectors['values'],
    positions: FlatVectors['positions'],
  ): number;
  linear(prepared: number, inputs: Uint32Array): Uint32Array;
  /** m modulo q_0 becomes m + q_0 I modulo the chain, at the level of the keys and declared to have this scale. */
  raise(low: number, scale: number): number;
  /** Returns the number under which `runTape` knows the tape. */
  prepareTape(
    structure: Int32Array,
    scales: Float64Array,
    values: FlatVectors['values'],
    positions: FlatVectors['positions'],
  ): number;
  runTape(prepared: number, inputs: Uint32Array): Uint32Array;
  /** Live ciphertexts, bytes held. */
  status(): Float64Array;
  /** Frees everything; any call after it fails. */
  dispose(): void;
}

export interface EngineAddon {
  readonly Engine: new (
    degree: number,
    dataPrimes: BigUint64Array,
    specialPrimes: BigUint64Array,
    digits: number,
    path: string,
    memoryBytes: number,
    cacheBytes: number,
    /** Plaintexts that will be prepared in all: room in the cache is kept for them. */
    expectedPlaintexts: number,
    threads: number,
    /** Over shared memory; not 0 stops the engine. */
    cancel: Int32Array | null,
    /** Over shared memory; counts up while the engine works. */
    heartbeat: Int32Array | null,
  ) => NativeEngine;
}

/** In the order of the engine's enumeration. */
export const TAPE_OPERATIONS = [
  'dropToLevel',
  'rotate',
  'multiply',
  'multiplyPlain',
  'multiplyPlainAdd',
  'add',
  'addPlain',
  'relinearize',
  'rescale',
  'copy',
  'release',
] as const;

export type TapeOperation = (typeof TAPE_OPERATIONS)[number];

/** @throws BackendError BACKEND_UNAVAILABLE */
export function loadEngineAddon(): EngineAddon {
  return loadAddon('he_engine') as EngineAddon;
}
