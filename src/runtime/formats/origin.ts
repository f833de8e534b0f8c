/** What every container says about where it comes from. */
import { randomBytes } from 'node:crypto';
import { ArtifactError } from '../../errors.ts';
import type { BackendName } from '../backend.ts';
import { invalid } from './container.ts';

/** What a program asks of keys and ciphertexts: it fits any key pair of its parameters. */
export interface Setting {
  readonly backend: BackendName;
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

export function originMeta({ backend, parametersDigest, keySet }: Origin): Record<string, unknown> {
  return { backend, parametersDigest, keySet };
}

/** @throws ArtifactError CONTAINER_INVALID */
export function checkOrigin(meta: Readonly<Record<string, unknown>>): Origin {
  const { backend, parametersDigest, keySet } = meta;
  if (backend !== 'seal' && backend !== 'native' && backend !== 'cleartext') throw invalid('unknown backend');
  if (typeof parametersDigest !== 'string' || !/^[0-9a-f]{64}$/.test(parametersDigest)) {
    throw invalid('its parameters digest is malformed');
  }
  if (backend === 'cleartext') {
    if (keySet !== null) throw invalid('it names a key set, but is in the clear');
    return { backend, parametersDigest, keySet };
  }
  if (typeof keySet !== 'string' || !/^[0-9a-f]{32}$/.test(keySet)) {
    throw invalid('its key set is malformed');
  }
  return { backend, parametersDigest, keySet };
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
