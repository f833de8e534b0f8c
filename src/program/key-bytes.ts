/** Bytes of evaluation keys, on their way to a server and where they are used. */
import type { KeyNeeds } from './key-needs.ts';
import { fileKeyBytes, raiseKeyBytes } from './native-keys.ts';
import type { ParametersLiteral } from './parameters.ts';
import type { Program } from './program.ts';

type Shape = Pick<
  ParametersLiteral,
  'polyModulusDegree' | 'dataPrimes' | 'specialPrimes' | 'dnum' | 'plainModuli'
>;

/**
 * One key for ciphertexts at `level` and below: of every digit one polynomial, in words of 8 bytes; the other is a seed. Exact
 * schemes have a key for each plain modulus.
 */
export function sentKeyBytes(parameters: Shape, level: number): number {
  return ((parameters.plainModuli?.length ?? 1) * fileKeyBytes(parameters, level)) / 2;
}

/** SEAL's format of a Galois key has an index of a word for every element of the group. */
export function sentGaloisKeyBytes(parameters: Shape, level: number): number {
  const index = 8 * parameters.polyModulusDegree;
  return sentKeyBytes(parameters, level) + (parameters.plainModuli?.length ?? 1) * index;
}

/**
 * In memory, each Galois key that a program needs: those that refreshes rotate and conjugate by among them, and both keys that raise
 * the modulus, as one. All but the relinearization key.
 * @param cost says what a key that serves ciphertexts at a level and below takes on the backend that the program is for
 */
export function galoisKeyBytes(
  { rotationKeys, refreshKeys }: Pick<KeyNeeds, 'rotationKeys' | 'refreshKeys'>,
  parameters: Shape,
  cost: { keyBytes(level: number): number },
): number[] {
  const bytes = rotationKeys.map(({ level }) => cost.keyBytes(level));
  if (refreshKeys === undefined) return bytes;
  const { conjugationLevel, raiseLevel } = refreshKeys;
  return [...bytes, cost.keyBytes(conjugationLevel), raiseKeyBytes(parameters, raiseLevel)];
}

/** All evaluation keys of a program. */
export function sentBytes(
  {
    rotationKeys,
    relinearizationLevel,
    refreshKeys,
  }: Pick<Program, 'rotationKeys' | 'relinearizationLevel' | 'refreshKeys'>,
  parameters: Shape,
): number {
  const galoisLevels = rotationKeys.map(({ level }) => level);
  let bytes = relinearizationLevel === null ? 0 : sentKeyBytes(parameters, relinearizationLevel);
  if (refreshKeys !== undefined) {
    galoisLevels.push(refreshKeys.conjugationLevel);
    bytes += raiseKeyBytes(parameters, refreshKeys.raiseLevel) / 2;
  }
  return galoisLevels.reduce((sum, level) => sum + sentGaloisKeyBytes(parameters, level), bytes);
}
