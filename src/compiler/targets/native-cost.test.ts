import { describe, expect, it } from 'vitest';
import { fileKeyBytes, packedBytes } from '../../program/native-keys.ts';
import type { CkksParameters } from '../../program/security.ts';
import { DEFAULT_NATIVE_PROFILE } from '../profile/default-profile.ts';
import type { NativeKernels, NativeProfile } from '../profile/native-profile.ts';
import { nativeChains } from './native-chains.ts';
import { nativeCostModel } from './native-cost.ts';

const demand = { depth: 7, outputBound: 8, security: 128, precision: 4 } as const;

function chain(dnum: number, specials: number): CkksParameters {
  const found = nativeChains(16384, demand).find(
    (one) => one.dnum === dnum && one.specialPrimes.length === specials,
  );
  if (found === undefined) throw new Error(`no chain of ${dnum} digits and ${specials} special primes`);
  return found;
}

/** A machine on which only one kernel takes time: a nanosecond per coefficient (and layer). */
function only(unit: Exclude<keyof NativeKernels, 'maxBits'> | 'stream' | 'permute'): NativeProfile {
  const free = { forward: 0, inverse: 0, accumulate: 0, multiply: 0, convert: 0, add: 0 };
  const machine = { version: 1 as const, machine: 'imagined', encode: 0, cacheBytes: 0 };
  return unit === 'stream' || unit === 'permute'
    ? { ...machine, kernels: [{ maxBits: 60, ...free }], stream: 0, permute: 0, [unit]: 1 }
    : { ...machine, kernels: [{ maxBits: 60, ...free, [unit]: 1 }], stream: 0, permute: 0 };
}

/** Milliseconds of a limb at a nanosecond per coefficient. */
const LIMB = 16384 / 1e6;
const TRANSFORM = 14 * LIMB;

describe('the native cost model', () => {
  const parameters = chain(3, 3); // 8 data primes in digits of 3
  const transforms = nativeCostModel(parameters, only('forward'));
  const inverses = nativeCostModel(parameters, only('inverse'));
  const products = nativeCostModel(parameters, only('accumulate'));

  it('counts the transforms of key switching', () => {
    // Three digits raised to 11 limbs, but for the 8 that are there already.
    expect(transforms.linear(7).open / TRANSFORM).toBeCloseTo(3 * 11 - 8, 9);
    expect(inverses.linear(7).open / TRANSFORM).toBeCloseTo(8, 9);
    // From a sum in the extended basis nothing is there, and the special limbs are transformed back too.
    expect(transforms.linear(7).reopen / TRANSFORM).toBeCloseTo(3 * 11, 9);
    expect(inverses.linear(7).reopen / TRANSFORM).toBeCloseTo(11, 9);
    // The last division drops q_7 as well: both halves of 7 limbs, from 3 + 1.
    expect(transforms.linear(7).output / TRANSFORM).toBeCloseTo(2 * 7, 9);
    expect(inverses.linear(7).output / TRANSFORM).toBeCloseTo(2 * 4, 9);
    expect(transforms.rescale(7) / TRANSFORM).toBeCloseTo(2 * 7, 9);
  });

  it('counts fewer digits and limbs at lower levels', () => {
    expect(transforms.linear(4).open / TRANSFORM).toBeCloseTo(2 * 8 - 5, 9);
    expect(products.linear(4).baby / LIMB).toBeCloseTo(2 * 2 * 8, 9);
    expect(products.keyBytes(4)).toBe(2 * 2 * packedBytes(parameters, 4));
    expect(products.keyBytes(7)).toBe(3 * 2 * packedBytes(parameters, 7));
  });

  it('holds whole keys where they are of the shape that SEAL knows', () => {
    const whole = chain(8, 1);
    const shaped = nativeCostModel(whole, only('stream'));
    expect(shaped.keyBytes(2)).toBe(8 * 2 * packedBytes(whole, 7));
    expect(shaped.keyBytes(2)).toBe(shaped.keyBytes(7));
    // What a rotation reads of them is less.
    const read = 3 * 2 * (0.2 * 4 * 16384 * 8 + 0.8 * packedBytes(whole, 2));
    expect(shaped.linear(2).baby).toBeCloseTo(read / 8 / 1e6, 9);
  });

  it('hoists: a further rotation transforms nothing', () => {
    expect(transforms.linear(7).baby + inverses.linear(7).baby).toBe(0);
    expect(products.linear(7).baby / LIMB).toBeCloseTo(2 * 3 * 11, 9);
    expect(products.linear(7).term / LIMB).toBeCloseTo(2 * 11, 9);
    const real = nativeCostModel(parameters, DEFAULT_NATIVE_PROFILE).linear(7);
    expect(real.baby).toBeLessThan(real.giant / 1.5);
  });

  it('reads keys and diagonals from memory where that takes longer', () => {
    const memory = nativeCostModel(parameters, only('stream'));
    // A fifth of what a word takes does not depend on how it is packed.
    const words = (packed: number, inWords: number): number => (0.8 * packed + 0.2 * inWords) / 8 / 1e6;
    const { baby, term, diagonalBytes } = memory.linear(7);
    expect(baby).toBeCloseTo(words(memory.keyBytes(7), fileKeyBytes(parameters, 7)), 9);
    expect(term).toBeCloseTo(words(diagonalBytes, 11 * 16384 * 8), 9);
    // A key used again and again stays in a cache that holds it.
    const cached = nativeCostModel(parameters, { ...only('stream'), cacheBytes: 2 ** 30 });
    expect(memory.linear(7).giant).toBeGreaterThan(0);
    expect(cached.linear(7).giant).toBe(0);
  });

  it('knows the arithmetic class of each prime', () => {
    const slow = { ...DEFAULT_NATIVE_PROFILE.kernels[2]!, forward: 100 };
    const profile = { ...DEFAULT_NATIVE_PROFILE, kernels: [DEFAULT_NATIVE_PROFILE.kernels[0]!, slow] };
    const costs = (one: CkksParameters): number =>
      nativeCostModel(one, profile).linear(3).open /
      nativeCostModel(one, DEFAULT_NATIVE_PROFILE).linear(3).open;
    const chains = nativeChains(16384, { ...demand, depth: 6, outputBound: 1 }).filter(
      ({ dnum }) => dnum === 4,
    );
    const long = chains.find(({ specialPrimes }) => specialPrimes[0]! > 1n << 46n)!;
    const short = chains.find(({ specialPrimes }) => specialPrimes[0]! < 1n << 46n)!;
    expect(costs(long)).toBeGreaterThan(5);
    expect(costs(short)).toBeCloseTo(1, 9);
  });

  it('goes on above the chain, for searches that look at deeper graphs', () => {
    expect(products.linear(9).baby).toBeGreaterThan(products.linear(7).baby);
    expect(transforms.relinearize(9)).toBeGreaterThan(0);
  });
});
