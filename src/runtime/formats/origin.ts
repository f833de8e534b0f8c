/** What every container says about where it comes from. */
import type { BackendName } from '../backend.ts';
import { invalid } from './container.ts';

export interface Origin {
  readonly backend: BackendName;
  readonly parametersDigest: string;
}

export function originMeta({ backend, parametersDigest }: Origin): Record<string, unknown> {
  return { backend, parametersDigest };
}

/** @throws ArtifactError CONTAINER_INVALID */
export function checkOrigin(meta: Readonly<Record<string, unknown>>): Origin {
  const { backend, parametersDigest } = meta;
  if (backend !== 'seal' && backend !== 'native' && backend !== 'cleartext') throw invalid('unknown backend');
  if (typeof parametersDigest !== 'string' || !/^[0-9a-f]{64}$/.test(parametersDigest)) {
    throw invalid('its parameters digest is malformed');
  }
  return { backend, parametersDigest };
}
