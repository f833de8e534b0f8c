import type { NativeProfile } from './native-profile.ts';

/** One processor of a Zen 4 server with AVX-512 IFMA: what programs are planned for where nothing has been measured. */
export const DEFAULT_NATIVE_PROFILE: NativeProfile = {
  version: 1,
  machine: 'Zen 4 server, one of two virtual processors, AVX-512 IFMA (shipped default)',
  kernels: [
    {
      maxBits: 46,
      forward: 0.089,
      inverse: 0.084,
      accumulate: 0.175,
      multiply: 0.32,
      convert: 0.198,
      add: 0.213,
    },
    {
      maxBits: 50,
      forward: 0.122,
      inverse: 0.107,
      accumulate: 0.171,
      multiply: 0.322,
      convert: 0.201,
      add: 0.213,
    },
    {
      maxBits: 60,
      forward: 0.168,
      inverse: 0.15,
      accumulate: 0.366,
      multiply: 1.455,
      convert: 0.342,
      add: 0.213,
    },
  ],
  stream: 0.506,
  permute: 0.206,
  encode: 0.127,
  cacheBytes: 16 * 2 ** 20,
};
