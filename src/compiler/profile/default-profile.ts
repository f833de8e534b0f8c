import type { NativeProfile } from './native-profile.ts';

/** One core of a Zen 5 server with AVX-512 IFMA: what programs are planned for where nothing has been measured. */
export const DEFAULT_NATIVE_PROFILE: NativeProfile = {
  version: 1,
  machine: 'Zen 5 server, one core, AVX-512 IFMA (shipped default)',
  kernels: [
    { maxBits: 46, forward: 0.045, inverse: 0.042, accumulate: 0.06, multiply: 0.16, convert: 0.1, add: 0.1 },
    {
      maxBits: 50,
      forward: 0.063,
      inverse: 0.054,
      accumulate: 0.062,
      multiply: 0.16,
      convert: 0.1,
      add: 0.1,
    },
    {
      maxBits: 60,
      forward: 0.095,
      inverse: 0.093,
      accumulate: 0.18,
      multiply: 0.73,
      convert: 0.17,
      add: 0.1,
    },
  ],
  stream: 0.4,
  permute: 0.1,
  encode: 0.065,
  cacheBytes: 16 * 2 ** 20,
};
