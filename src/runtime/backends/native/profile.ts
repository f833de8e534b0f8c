/** Times of the engine's kernels on this machine. */
import { forcedPath, loadAddon } from './load-addon.ts';

/** Nanoseconds per limb of N coefficients, see native/engine/profile.h. */
export interface KernelTimes {
  /** The arithmetic that was timed: scalar, avx2, avx512, ifma or neon. */
  readonly path: string;
  readonly forward: number;
  readonly inverse: number;
  readonly accumulate: number;
  readonly accumulateStreamed: number;
  readonly multiply: number;
  readonly convert: number;
  readonly permute: number;
  readonly add: number;
  readonly encode: number;
}

interface ProfilingAddon {
  profileKernels(degree: number, modulus: BigUint64Array, path: string): KernelTimes;
}

/**
 * @param modulus a prime that is 1 mod 2N
 * @throws BackendError BACKEND_UNAVAILABLE
 */
export function profileKernels(degree: number, modulus: bigint): KernelTimes {
  const addon = loadAddon('he_engine') as ProfilingAddon;
  return addon.profileKernels(degree, BigUint64Array.of(modulus), forcedPath());
}
