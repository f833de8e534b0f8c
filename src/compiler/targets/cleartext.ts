/** Verification in the clear: planned as for node-seal, but nothing is too large or too deep. */
import { SEAL } from './seal.ts';
import type { Target } from './target.ts';

export const CLEARTEXT: Target = {
  ...SEAL,
  name: 'cleartext',
  title: 'verification in the clear',
  encrypts: false,
  heap: null,
  memory: (...of) => ({ ...SEAL.memory(...of), obstacle: null }),
};
