import { describe, expect, it } from 'vitest';
import { HeError } from '../errors.ts';
import { isPrime, nearestNttPrime } from './primes.ts';
import type { ParametersLiteral } from './parameters.ts';
import { certify, checkParameters, requireEncryption, totalBits } from './security.ts';
import { maxLogQP } from './security-tables.ts';
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
    ['another scheme', { scheme: 'bgv' }, 'PARAMETERS_INVALID'],
    ['a plain modulus under CKKS', { plainModuli: [65537n] }, 'PARAMETERS_INVALID'],
    ['cleartext with real primes', { scheme: 'cleartext' }, 'PARAMETERS_INVALID'],
  ])('refuses %s', (_name, change, code) => {
    expect(refusal(change)).toBe(code);
  });

  describe('knows hybrid key switching', () => {
    const hybrid = testParameters(16384, [40, 30, 30, 30, 30], [36, 36], 30, 3);
    const code = (change: Partial<Record<keyof ParametersLiteral, unknown>>): string =>
      refusal({ ...hybrid, ...change });

    it.each<[string, Partial<Record<keyof ParametersLiteral, unknown>>, string]>([
      ['digits that the special primes cover', {}, 'accepted'],
      ['no special prime', { specialPrimes: [] }, 'PARAMETERS_INVALID'],
      [
        'a digit above the special primes',
        { specialPrimes: [hybrid.specialPrimes[0]] },
        'PARAMETERS_INVALID',
      ],
      ['one digit for all primes, above the special ones', { dnum: 1 }, 'PARAMETERS_INVALID'],
      ['more digits than primes', { dnum: 6 }, 'PARAMETERS_INVALID'],
      ['a number of digits that primes of equal share do not make', { dnum: 4 }, 'PARAMETERS_INVALID'],
      ['half a digit', { dnum: 2.5 }, 'PARAMETERS_INVALID'],
    ])('%s', (_name, change, expected) => {
      expect(code(change)).toBe(expected);
    });
  });

  it('is exact at the bound', () => {
    const atBound = testParameters(8192, [58, 54, 54], 48, 40);
    expect(totalBits([...atBound.dataPrimes, ...atBound.specialPrimes])).toBe(maxLogQP(8192, 128));
    expect(() => testParameters(8192, [58, 54, 54], 49, 40)).toThrow(/exceeds 214/);
  });

  it('certifies what it checked', () => {
    expect(certify(good)).toMatchObject({
      securityBits: 128,
      logQP: 160,
      maxLogQP: 214,
      polyModulusDegree: 8192,
      bounds: [
        { source: 'Homomorphic Encryption Standard (2018), table 1', maxLogQP: 218 },
        { source: 'eprint 2024/463, table 5.2', maxLogQP: 214 },
      ],
      source: 'Homomorphic Encryption Standard (2018), table 1: 218; eprint 2024/463, table 5.2: 214',
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

describe('BFV parameters', () => {
  const bfv = { scheme: 'bfv', scaleBits: 0, plainModuli: [65537n, 114689n] } as const;

  it('are checked by the same table, certified and frozen', () => {
    const checked = checkParameters({ ...good, ...bfv });
    expect(certify(checked)).toEqual(certify(good));
    expect(Object.isFrozen(checked.plainModuli)).toBe(true);
    expect(() => requireEncryption(checked)).not.toThrow();
  });

  it.each<[string, object, string]>([
    ['too much security claimed', { securityLevel: 256 }, 'PARAMETERS_INSECURE'],
    ['no plain modulus', { plainModuli: [] }, 'PARAMETERS_INVALID'],
    ['a missing plain modulus', { plainModuli: undefined }, 'PARAMETERS_INVALID'],
    ['a plain modulus twice', { plainModuli: [65537n, 65537n] }, 'PARAMETERS_INVALID'],
    ['a composite plain modulus', { plainModuli: [16385n * 16384n + 1n - 16384n] }, 'PARAMETERS_INVALID'],
    ['a plain modulus that is not 1 mod 2N', { plainModuli: [65539n] }, 'PARAMETERS_INVALID'],
    ['a plain modulus of the chain', { plainModuli: [good.dataPrimes[1]] }, 'PARAMETERS_INVALID'],
    ['too many of them', { plainModuli: Array<bigint>(9).fill(65537n) }, 'PARAMETERS_INVALID'],
    ['a scale', { scaleBits: 30 }, 'PARAMETERS_INVALID'],
    ['hybrid key switching', { dnum: 1 }, 'PARAMETERS_INVALID'],
  ])('are refused with %s', (_what, change, code) => {
    expect(refusal({ ...bfv, ...change })).toBe(code);
  });
});
