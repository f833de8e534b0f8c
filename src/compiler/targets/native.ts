/** Our own engine (`native/`): digits of several primes, refreshes, memory as far as it is allowed. */
import { nativeChains } from './native-chains.ts';
import { nativeCostModel } from './native-cost.ts';
import { nativeLimits, roughNativeMemory } from './native-memory.ts';
import { REFRESH_LEVELS, refreshChains } from './refresh-chains.ts';
import type { Target } from './target.ts';

export const NATIVE: Target = {
  name: 'native',
  title: 'the native engine',
  encrypts: true,
  integers: false,
  profiled: true,
  // As `native/engine/context.cpp` checks.
  largestRing: 131072,
  refresh: REFRESH_LEVELS,
  heap: null,
  chains: (polyModulusDegree, demand) =>
    (demand.refreshed ?? null) === null
      ? nativeChains(polyModulusDegree, demand)
      : refreshChains(polyModulusDegree, demand),
  costs: nativeCostModel,
  memory: nativeLimits,
  roughMemory: roughNativeMemory,
};
