/**
 * Bytes of evaluation keys: in files as words, in the native engine's memory packed, as encoded diagonals are
 * (native/core/packed.h). Keys end at the level that they are used at.
 */
import type { KeyNeeds } from './key-needs.ts';
import { digitsAt, type ParametersLiteral } from './parameters.ts';

export type KeyShape = Pick<ParametersLiteral, 'polyModulusDegree' | 'dataPrimes' | 'specialPrimes' | 'dnum'>;

const WORD_BYTES = 8;
const PACKED_BYTES = [4, 5, 6] as const;

/** One key. */
export interface KeyBytes {
  /** In the engine's memory. */
  readonly held: number;
  /** As a file without seeds. */
  readonly inFile: number;
}

/** One limb: N residues, as words. */
export function limbBytes({ polyModulusDegree }: Pick<KeyShape, 'polyModulusDegree'>): number {
  return polyModulusDegree * WORD_BYTES;
}

/** Limbs of a polynomial at `level` in the extended basis. */
export function extendedLimbs({ specialPrimes }: Pick<KeyShape, 'specialPrimes'>, level: number): number {
  return level + 1 + specialPrimes.length;
}

/** A polynomial at `level` in the extended basis, its residues packed. Beyond the chain's end it goes on with primes like the last. */
export function packedBytes(
  { polyModulusDegree, dataPrimes, specialPrimes }: KeyShape,
  level: number,
): number {
  let bytes = 0;
  for (let limb = 0; limb <= level; limb++)
    bytes += packedWidth(dataPrimes[Math.min(limb, dataPrimes.length - 1)]!);
  return polyModulusDegree * specialPrimes.reduce((sum, prime) => sum + packedWidth(prime), bytes);
}

/** Bytes of a residue where it is packed. */
export function packedWidth(prime: bigint): number {
  return PACKED_BYTES.find((bytes) => prime <= 1n << BigInt(8 * bytes)) ?? WORD_BYTES;
}

/**
 * A diagonal's coefficients as signed integers, packed. Their scale is the prime of the level; averages of slots of magnitude 1, they
 * stay below it.
 */
export function integerBytes({ polyModulusDegree, dataPrimes }: KeyShape, level: number): number {
  const prime = dataPrimes[Math.min(level, dataPrimes.length - 1)]!;
  return polyModulusDegree * packedWidth(2n * prime);
}

/** A Galois or relinearization key for ciphertexts at `level` and below, in the engine's memory. */
export function nativeKeyBytes(parameters: KeyShape, level: number): number {
  return digitsAt(parameters, level) * 2 * packedBytes(parameters, level);
}

/** The same as a file without seeds. */
export function fileKeyBytes(parameters: KeyShape, level: number): number {
  return digitsAt(parameters, level) * 2 * extendedLimbs(parameters, level) * limbBytes(parameters);
}

/** Both keys that raise the modulus, as words everywhere: one over q_0 and the first special prime, one of a single digit over the extended basis. */
export function raiseKeyBytes(parameters: KeyShape, level: number): number {
  return 2 * (2 + extendedLimbs(parameters, level)) * limbBytes(parameters);
}

/** A Galois or relinearization key. */
export function nativeKey(parameters: KeyShape, level: number): KeyBytes {
  return { held: nativeKeyBytes(parameters, level), inFile: fileKeyBytes(parameters, level) };
}

/** Every key of a program. */
export function nativeKeys(
  { rotationKeys, relinearizationLevel, refreshKeys }: KeyNeeds,
  parameters: KeyShape,
): KeyBytes[] {
  const levels = rotationKeys.map(({ level }) => level);
  if (relinearizationLevel !== null) levels.push(relinearizationLevel);
  if (refreshKeys !== undefined) levels.push(refreshKeys.conjugationLevel);
  const keys = levels.map((level) => nativeKey(parameters, level));
  if (refreshKeys === undefined) return keys;
  const raise = raiseKeyBytes(parameters, refreshKeys.raiseLevel);
  return [...keys, { held: raise, inFile: raise }];
}
