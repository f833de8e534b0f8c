import { describe, expect, it } from 'vitest';
import { HeError } from '../errors.ts';
import { isPrime, nearestNttPrime } from './primes.ts';
import type { ParametersLiteral } from './parameters.ts';
import { certify, checkParameters, maxLogQP, requireEncryption, totalBits } from './security.ts';
import { testParameters } from './testing/test-parameters.ts';

const good = testParameters(8192, [50, 30, 30], 50, 30);

function refusal(change: Partial<Record<keyof ParametersLiteral, unknown>>): string {
  try {
    checkParameters({ ...good, ...change } as ParametersLiteral);
  } catch (error) {
    if (error instanceof HeError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('primes', () => {
  it('agree with trial division', () => {
    const naive = (n: number): boolean => {
      if (n < 2) return false;
      for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
      return true;
    };
    for (let n = 0; n < 3000; n++) expect(isPrime(BigInt(n))).toBe(naive(n));
  });

  it('recognise Carmichael numbers and strong pseudoprimes', () => {
    for (const n of [561n, 1105n, 41041n, 3215031751n, 3825123056546413051n]) expect(isPrime(n)).toBe(false);
    expect(isPrime((1n << 59n) - 55n)).toBe(true);
  });

  it('are 1 mod 2N, distinct and within the bit length', () => {
    const taken = new Set<bigint>();
    for (let k = 0; k < 10; k++) {
      const prime = nearestNttPrime(2 ** 40 - 1, 16384, taken, 40)!;
      expect(prime % 32768n).toBe(1n);
      expect(prime.toString(2).length).toBe(40);
      expect(taken.has(prime)).toBe(false);
      taken.add(prime);
    }
  });

  it('are null where there is none', () => {
    expect(nearestNttPrime(2 ** 10, 16384, new Set(), 11)).toBeNull();
  });
});

describe('the security gate', () => {
  it('accepts and freezes good parameters', () => {
    expect(refusal({})).toBe('accepted');
    expect(Object.isFrozen(good)).toBe(true);
    expect(Object.isFrozen(good.dataPrimes)).toBe(true);
  });

  it.each<[string, Partial<Record<keyof ParametersLiteral, unknown>>, string]>([
    ['too many bits for 192', { securityLevel: 192 }, 'PARAMETERS_INSECURE'],
    ['a ring not in the table', { polyModulusDegree: 12345 }, 'PARAMETERS_INVALID'],
    ['an unknown level', { securityLevel: 100 }, 'PARAMETERS_INVALID'],
    ['a sparse secret', { secretDistribution: 'sparse-ternary' }, 'PARAMETERS_INVALID'],
    ['a repeated prime', { specialPrimes: [good.dataPrimes[0]] }, 'PARAMETERS_INVALID'],
    ['a composite', { specialPrimes: [16384n * 3n * 7n + 1n + 16384n] }, 'PARAMETERS_INVALID'],
    ['a prime of the wrong residue', { specialPrimes: [1000003n] }, 'PARAMETERS_INVALID'],
    ['no primes', { dataPrimes: [], specialPrimes: [] }, 'PARAMETERS_INVALID'],
    ['another scheme', { scheme: 'bfv' }, 'PARAMETERS_INVALID'],
    ['cleartext with real primes', { scheme: 'cleartext' }, 'PARAMETERS_INVALID'],
  ])('refuses %s', (_name, change, code) => {
    expect(refusal(change)).toBe(code);
  });

  it('is exact at the bound', () => {
    const atBound = testParameters(8192, [58, 54, 54], 52, 40);
    expect(totalBits([...atBound.dataPrimes, ...atBound.specialPrimes])).toBe(maxLogQP(8192, 128));
    expect(() => testParameters(8192, [58, 54, 54], 53, 40)).toThrow(/exceeds 218/);
  });

  it('certifies what it checked', () => {
    expect(certify(good)).toMatchObject({
      securityBits: 128,
      logQP: 160,
      maxLogQP: 218,
      polyModulusDegree: 8192,
    });
  });

  it('never lets cleartext parameters make keys', () => {
    const clear = checkParameters({
      ...good,
      scheme: 'cleartext',
      dataPrimes: [1n << 30n],
      specialPrimes: [],
    });
    expect(() => requireEncryption(clear)).toThrow(/clear only/);
    expect(() => requireEncryption(good)).not.toThrow();
    expect(certify(clear)).toBeNull();
  });
});
