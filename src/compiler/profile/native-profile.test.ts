import { describe, expect, it } from 'vitest';
import { DEFAULT_NATIVE_PROFILE } from './default-profile.ts';
import { kernelsFor, parseNativeProfile } from './native-profile.ts';

describe('cost profiles', () => {
  it('are read back as they were written', () => {
    const json: unknown = JSON.parse(JSON.stringify(DEFAULT_NATIVE_PROFILE));
    expect(parseNativeProfile(json)).toEqual(DEFAULT_NATIVE_PROFILE);
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['another version', { ...DEFAULT_NATIVE_PROFILE, version: 2 }],
    ['a kernel that takes no time', { ...DEFAULT_NATIVE_PROFILE, permute: 0 }],
    ['a time that is no number', { ...DEFAULT_NATIVE_PROFILE, stream: Infinity }],
    [
      'no kernels for long primes',
      { ...DEFAULT_NATIVE_PROFILE, kernels: DEFAULT_NATIVE_PROFILE.kernels.slice(0, 2) },
    ],
    [
      'kernels out of order',
      { ...DEFAULT_NATIVE_PROFILE, kernels: DEFAULT_NATIVE_PROFILE.kernels.toReversed() },
    ],
  ])('are refused: %s', (_, value) => {
    expect(() => parseNativeProfile(value)).toThrow(expect.objectContaining({ code: 'PROFILE_INVALID' }));
  });

  it('have kernels for every prime', () => {
    expect(kernelsFor(DEFAULT_NATIVE_PROFILE, 30).maxBits).toBe(46);
    expect(kernelsFor(DEFAULT_NATIVE_PROFILE, 46).maxBits).toBe(46);
    expect(kernelsFor(DEFAULT_NATIVE_PROFILE, 47).maxBits).toBe(50);
    expect(kernelsFor(DEFAULT_NATIVE_PROFILE, 60).maxBits).toBe(60);
  });
});
