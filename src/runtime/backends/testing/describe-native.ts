/** Suites of the native engine: skipped where there is none, and then the reason can be read in the name. */
import { describe } from 'vitest';
import { nativeUnavailable } from '../native/load-addon.ts';

export function describeNative(name: string, suite: () => void): void {
  const reason = nativeUnavailable();
  if (reason === null) describe(name, suite);
  else describe.skip(`${name} (skipped: the native engine is not available: ${reason})`, suite);
}
