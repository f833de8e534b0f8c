/** What every container says about where it comes from. */
import { randomBytes } from 'node:crypto';
import { ArtifactError } from '../../errors.ts';
import type { ParametersLiteral } from '../../program/parameters.ts';
import { invalid } from './container.ts';

/** How values are hidden, if at all. Files of one scheme serve every backend that computes on it. */
export type Scheme = ParametersLiteral['scheme'];

/** What a program asks of keys and ciphertexts: it fits any key pair of its parameters. */
export interface Setting {
  readonly scheme: Scheme;
  readonly parametersDigest: string;
}

export interface Origin extends Setting {
  /**
   * 128 random bits in hex, made with the secret key and handed on to everything made with it. They tell nothing about
   * the key, and prove nothing: they are there to find mix-ups, which would otherwise decrypt to noise. Null in the
   * clear, where there are no keys.
   */
  readonly keySet: string | null;
}

export function newKeySet(): string {
  return randomBytes(16).toString('hex');
}

export function originMeta({ scheme, parametersDigest, keySet }: Origin): Record<string, unknown> {
  return { scheme, parametersDigest, keySet };
}

/** @throws ArtifactError CONTAINER_INVALID */
export function checkOrigin(meta: Readonly<Record<string, unknown>>): Origin {
  const { scheme, parametersDigest, keySet } = meta;
  if (scheme !== 'ckks' && scheme !== 'bfv' && scheme !== 'cleartext') throw invalid('unknown scheme');
  if (typeof parametersDigest !== 'string' || !/^[0-9a-f]{64}$/.test(parametersDigest)) {
    throw invalid('its parameters digest is malformed');
  }
  if (scheme === 'cleartext') {
    if (keySet !== null) throw invalid('it names a key set, but is in the clear');
    return { scheme, parametersDigest, keySet };
  }
  if (typeof keySet !== 'string' || !/^[0-9a-f]{32}$/.test(keySet)) {
    throw invalid('its key set is malformed');
  }
  return { scheme, parametersDigest, keySet };
}

/**
 * @param subject how the message begins: "the ciphertexts were"
 * @throws ArtifactError PARAMETERS_MISMATCH
 */
export function requireSetting(found: Setting, expected: Setting, subject: string, hint: string): void {
  if (found.scheme !== expected.scheme) {
    throw new ArtifactError(
      'PARAMETERS_MISMATCH',
      `${subject} made under the scheme ${found.scheme}, not ${expected.scheme}`,
      { hint },
    );
  }
  if (found.parametersDigest !== expected.parametersDigest) {
    throw new ArtifactError('PARAMETERS_MISMATCH', `${subject} made for other parameters`, { hint });
  }
}

/**
 * Where ciphertexts meet a key, which the message calls `keyName`.
 * @throws ArtifactError KEY_SET_MISMATCH
 */
export function requireKeySet(ciphertexts: Origin, key: Origin, keyName: string): void {
  if (ciphertexts.keySet === key.keySet) return;
  throw new ArtifactError(
    'KEY_SET_MISMATCH',
    `the ciphertexts belong to key set ${ciphertexts.keySet ?? 'none'}, ${keyName} to ${key.keySet ?? 'none'}`,
    {
      hint: 'these belong to different key pairs: encrypt, evaluate and decrypt with the files of one keygen',
    },
  );
}
