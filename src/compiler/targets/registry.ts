/** The targets there are: whoever asks by name asks here. */
import type { Backend } from '../options.ts';
import { CLEARTEXT } from './cleartext.ts';
import { NATIVE } from './native.ts';
import { SEAL } from './seal.ts';
import type { Target } from './target.ts';

const TARGETS: Readonly<Record<Backend, Target>> = { native: NATIVE, seal: SEAL, cleartext: CLEARTEXT };

export function targetOf(backend: Backend): Target {
  return TARGETS[backend];
}

/** Those that evaluate encrypted: what one of them cannot hold, another may. */
export function encryptingTargets(): Target[] {
  return Object.values(TARGETS).filter(({ encrypts }) => encrypts);
}
