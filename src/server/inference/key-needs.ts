/** What evaluation keys a model asks for. */
import type { Artifact } from '../../program/artifact.ts';
import { fileKeyBytes, nativeKeys } from '../../program/native-keys.ts';
import type { ParametersLiteral } from '../../program/parameters.ts';
import type { Setting } from '../../runtime/formats/origin.ts';
import { parametersDigest } from '../../runtime/formats/parameters-digest.ts';

/** What keys and ciphertexts of the model say of themselves. */
export function settingOf({ parameters }: Pick<Artifact, 'parameters'>): Setting {
  return { scheme: parameters.scheme, parametersDigest: parametersDigest(parameters) };
}

/** Exact schemes compute modulo several primes: keys and ciphertexts have a part for each. */
export function partsOf({ plainModuli }: Pick<ParametersLiteral, 'plainModuli'>): number {
  return plainModuli?.length ?? 1;
}

/** Numbers of one key for ciphertexts at `level` and below, unseeded. */
export function keyBytes(parameters: ParametersLiteral, level: number): number {
  return partsOf(parameters) * fileKeyBytes(parameters, level);
}

/** Room for what a header and a generous serialization add. */
const OVERHEAD = 1.1;
const HEADER_BYTES = 2 ** 20;

/** The most that the key files of a model may have together: unseeded keys for every step, and a margin. */
export function keyBytesBound(artifact: Artifact): number {
  const { signature, parameters } = artifact;
  const bytes =
    partsOf(parameters) * nativeKeys(signature, parameters).reduce((sum, { inFile }) => sum + inFile, 0);
  return Math.ceil(bytes * OVERHEAD) + HEADER_BYTES;
}
