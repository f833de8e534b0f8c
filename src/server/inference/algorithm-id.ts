/** Algorithm identifiers (the draft's §2, term 9): scheme, parameter set and library version as one token. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InternalError } from '../../errors.ts';
import type { Artifact } from '../../program/artifact.ts';
import { totalBits } from '../../program/primes.ts';
import { parametersDigest } from '../../runtime/formats/parameters-digest.ts';

/** The package that reads and writes keys and ciphertexts. */
export interface LibraryVersion {
  readonly library: string;
  readonly version: string;
}

/** node-seal does not export its package.json, so it is looked for above its entry. */
export function sealVersion(): LibraryVersion {
  const library = 'node-seal';
  for (let folder = dirname(fileURLToPath(import.meta.resolve(library))); ; folder = dirname(folder)) {
    const manifest = readManifest(join(folder, 'package.json'));
    if (manifest?.name === library) return { library, version: manifest.version ?? 'unknown' };
    if (folder === dirname(folder)) throw new InternalError(`package.json of ${library} not found`);
  }
}

function readManifest(path: string): { name?: string; version?: string } | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string };
  } catch {
    return null;
  }
}

/** For example "CKKS:n8192-q190-128:3f2a9c…:node-seal-7.0.0". */
export function algorithmId(
  { parameters }: Pick<Artifact, 'parameters'>,
  { library, version }: LibraryVersion,
): string {
  const { scheme, polyModulusDegree, dataPrimes, specialPrimes, securityLevel } = parameters;
  const digest = parametersDigest(parameters).slice(0, 32);
  const set = `n${polyModulusDegree}-q${totalBits([...dataPrimes, ...specialPrimes])}-${securityLevel}`;
  return `${scheme.toUpperCase()}:${set}:${digest}:${library}-${version}`;
}
