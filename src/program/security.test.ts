import { describe, expect, it } from 'vitest';
import { HeError } from '../errors.ts';
import { isPrime, nearestNttPrime, totalBits } from './primes.ts';
import type { ParametersLiteral } from './parameters.ts';
import { certify, checkParameters, requireEncryption } from './security.ts';
import { maxLogQP, sparseSecretEstimates } from './security-tables.ts';
import { refreshableParameters, testParameters } from './testing/test-parameters.ts';

const good = testParameters(8192, [50, 30, 30], 50, 30);

type Change = Partial<Record<keyof ParametersLiteral, unknown>>;

/** "accepted", or the code and the reason. */
function verdict(change: Change, literal: ParametersLiteral = good): string {
  try {
    checkParameters({ ...literal, ...change } as ParametersLiteral);
  } catch (error) {
    if (error instanceof HeError) return `${error.code}: ${error.message}`;
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
    expect(verdict({})).toBe('accepted');
    expect(Object.isFrozen(good)).toBe(true);
    expect(Object.isFrozen(good.dataPrimes)).toBe(true);
    expect(Object.isFrozen(good.specialPrimes)).toBe(true);
    expect(good).not.toHaveProperty('plainModuli');
  });

  const [prime] = good.dataPrimes;
  it.each<[string, Change, RegExp]>([
    [
      'too many bits for 192',
      { securityLevel: 192 },
      /INSECURE.* = 160 exceeds 147, .*N = 8192 .*at 192 bits/,
    ],
    ['a ring not in the table', { polyModulusDegree: 12345 }, /no entry for N = 12345 at 128 bits/],
    ['an unknown level', { securityLevel: 100 }, /must be 128, 192 or 256, not 100/],
    ['a sparse secret', { secretDistribution: 'sparse-ternary' }, /only uniform ternary secrets/],
    ['a repeated prime', { specialPrimes: [prime] }, /primes must be distinct/],
    ['a composite', { specialPrimes: [16384n * 3n * 7n + 1n + 16384n] }, /modulus 360449 must be prime/],
    ['a prime of the wrong residue', { specialPrimes: [1000003n] }, /modulus 1000003 must be 1 mod 2N/],
    ['a prime of 61 bits', { specialPrimes: [1n << 60n] }, /must have at most 60 bits/],
    ['one as a prime', { specialPrimes: [1n] }, /modulus 1 must have at most 60 bits/],
    ['no data prime', { dataPrimes: [] }, /at least one data prime/],
    ['no special prime', { specialPrimes: [] }, /at least one special prime/],
    ['65 primes', { dataPrimes: Array(64).fill(prime) }, /at most 64 primes are supported, not 65/],
    ['64 primes that are one', { dataPrimes: Array(63).fill(prime) }, /primes must be distinct/],
    ['another scheme', { scheme: 'bgv' }, /scheme must be ckks or bfv, not bgv/],
    ['a plain modulus under CKKS', { plainModuli: [65537n] }, /only BFV has plain moduli/],
    ['a scale that noise drowns', { scaleBits: 9 }, /between 2\^10 and 2\^60, not 2\^9/],
    ['a scale above the primes', { scaleBits: 61 }, /between 2\^10 and 2\^60, not 2\^61/],
    ['no scale', { scaleBits: NaN }, /not 2\^NaN/],
  ])('refuses %s', (_name, change, reason) => {
    expect(verdict(change)).toMatch(/^PARAMETERS_IN(SECURE|VALID): /);
    expect(verdict(change)).toMatch(reason);
  });

  it.each<[string, Change]>([
    ['the least scale', { scaleBits: 10 }],
    ['the largest scale', { scaleBits: 60 }],
    [
      'the most bits that a prime may have',
      { specialPrimes: [nearestNttPrime(2 ** 60, 8192, new Set(), 60)] },
    ],
    // SEAL lets it be, and the forecast knows of its noise.
    [
      'a special prime below the others in the shape of SEAL',
      { specialPrimes: [nearestNttPrime(2 ** 28, 8192, new Set(), 28)] },
    ],
  ])('accepts %s', (_name, change) => {
    expect(verdict(change)).toBe('accepted');
  });

  it('says that another compilation mends what is insecure', () => {
    expect(() => checkParameters({ ...good, securityLevel: 192 })).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/^compile the model again/) as string }),
    );
  });

  describe('knows hybrid key switching', () => {
    const hybrid = testParameters(16384, [40, 30, 30, 30, 30], [36, 36], 30, 3);

    it.each<[string, Change, RegExp]>([
      ['digits that the special primes cover', {}, /^accepted$/],
      ['no special prime', { specialPrimes: [] }, /at least one special prime/],
      [
        'a first digit above the special primes',
        { specialPrimes: [hybrid.specialPrimes[0]] },
        /do not cover the key-switching digit of q_0 … q_1$/,
      ],
      [
        'one digit for all primes, above the special ones',
        { dnum: 1 },
        /do not cover the key-switching digit of q_0 … q_4$/,
      ],
      ['no digit', { dnum: 0 }, /dnum must be between 1 and 5, not 0/],
      ['more digits than primes', { dnum: 6 }, /dnum must be between 1 and 5, not 6/],
      ['half a digit', { dnum: 2.5 }, /dnum must be between 1 and 5, not 2.5/],
      [
        'a number of digits that primes of equal share do not make',
        { dnum: 4 },
        /5 data primes in digits of 2 are not 4 digits/,
      ],
    ])('%s', (_name, change, expected) => {
      expect(verdict(change, hybrid)).toMatch(expected);
    });

    it('down to the last digit, of fewer primes than the others', () => {
      expect(() => testParameters(16384, [22, 22, 58], 50, 22, 2)).toThrow(/digit of q_2 … q_2$/);
      expect(() => testParameters(16384, [22, 22, 48], 50, 22, 2)).not.toThrow();
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

  it('certifies by the one table that knows the ring', () => {
    expect(certify(testParameters(65536, [50, 30], 50, 30))).toMatchObject({
      maxLogQP: 1747,
      secretDistribution: 'uniform-ternary',
      errorStandardDeviation: 3.2,
      source: 'Homomorphic Encryption Standard (2018), table 1: no entry; eprint 2024/463, table 5.2: 1747',
    });
  });
});

describe('parameters for refreshes', () => {
  const able = refreshableParameters();
  const refresh = (change: object): Change => ({ refresh: { ...able.refresh!, ...change } });
  const group = (stages: number, babies = 8) => ({ stages, babies });

  it('are certified a second time, for the ephemeral secret, and frozen', () => {
    expect(verdict({}, able)).toBe('accepted');
    expect(certify(able)?.ephemeral).toEqual({
      polyModulusDegree: 32768,
      weight: 40,
      logModulus: 81,
      maxLogModulus: 82,
      leastCost: 176.9,
      requiredCost: 138,
      attacks: sparseSecretEstimates(32768, 40, 128)!.attacks,
      source: 'malb/lattice-estimator 27a581b, weight 40, modulus 2^82',
    });
    expect(Object.isFrozen(able.refresh)).toBe(true);
    expect(Object.isFrozen(able.refresh!.up)).toBe(true);
    expect(Object.isFrozen(able.refresh!.up[0])).toBe(true);
    expect(certify(good)).not.toHaveProperty('ephemeral');
  });

  it.each([0, 1, 32, 39, 41, 64, 32768])('are not secure with an ephemeral secret of weight %i', (weight) => {
    expect(verdict(refresh({ ephemeralWeight: weight }), able)).toMatch(
      weight === 0
        ? /^PARAMETERS_INVALID: an ephemeral secret cannot have weight 0/
        : /^PARAMETERS_INSECURE: no estimate certifies an ephemeral secret of weight \d+ at N = 32768/,
    );
  });

  it('are not secure in another ring, at a higher level or under a larger modulus', () => {
    const data = [38, 31, 31, ...Array<number>(8).fill(36), ...Array<number>(10).fill(41)];
    const other = [group(7), group(8)];
    const wider = { ...able.refresh!, down: other, up: other };
    expect(() => testParameters(65536, data, [43, 43, 43, 43], 36, 6, wider)).toThrow(
      'no estimate certifies an ephemeral secret of weight 40 at N = 65536',
    );
    const chain = [...able.dataPrimes];
    // The first special prime is the one: a larger one behind it does not matter.
    const taken = new Set([...chain, ...able.specialPrimes]);
    const large = nearestNttPrime(2 ** 45 - 1, 32768, taken, 45)!;
    const [first, second, third] = able.specialPrimes;
    chain[3] = nearestNttPrime(2 ** 33, 32768, taken, 34)!;
    const swapped = (specialPrimes: unknown): Change => ({ dataPrimes: chain, specialPrimes });
    expect(verdict(swapped([first, second, third, large]), able)).toBe('accepted');
    expect(verdict(swapped([large, first, second, third]), able)).toMatch(
      /^PARAMETERS_INSECURE: .* certified up to 82 bits of modulus, q_0 and the first special prime have 83/,
    );
    expect(sparseSecretEstimates(32768, 40, 192)).toBeNull();
  });

  it.each<[string, Change, RegExp]>([
    ['under BFV', { scheme: 'bfv', scaleBits: 0, plainModuli: [65537n] }, /BFV needs one special prime/],
    ['for the clear', { scheme: 'cleartext', specialPrimes: [] }, /cleartext parameters are inconsistent/],
    ['with an infinite scale', refresh({ raisedBits: Infinity }), /raised scale must be between/],
    ['with a tiny scale', refresh({ raisedBits: 9 }), /raised scale must be between/],
    ['with a huge scale', refresh({ raisedBits: 61 }), /raised scale must be between/],
    ['with half a non-zero coefficient', refresh({ ephemeralWeight: 40.5 }), /cannot have weight 40.5/],
    ['with too many of them', refresh({ ephemeralWeight: 32769 }), /cannot have weight 32769/],
    ['without a transform down', refresh({ down: [] }), /must take 14 butterfly stages/],
    [
      'with a stage too few',
      refresh({ up: [group(5), group(5), group(3)] }),
      /must take 14 butterfly stages/,
    ],
    ['with too many at once', refresh({ down: [group(9), group(5)] }), /in groups of 1 to 8/],
    ['with none in a group', refresh({ down: [group(7), group(7), group(0)] }), /in groups of 1 to 8/],
    ['with half of one', refresh({ down: [group(6.5), group(7.5)] }), /in groups of 1 to 8/],
    ['without babies', refresh({ down: [group(7), group(7, 0)] }), /in groups of 1 to 8/],
    ['with more babies than diagonals', refresh({ down: [group(7), group(7, 256)] }), /in groups of 1 to 8/],
    [
      'with nothing left after it',
      refresh({ down: Array<object>(7).fill(group(2, 4)), up: [group(5), group(5), group(4)] }),
      /18 data primes leaves no level after a refresh, which needs 20/,
    ],
  ])('are refused %s', (_what, change, reason) => {
    expect(verdict(change, able)).toMatch(/^PARAMETERS_INVALID: /);
    expect(verdict(change, able)).toMatch(reason);
  });

  it('are refused under BFV even in the shape of SEAL', () => {
    const bfv = { ...good, scheme: 'bfv', scaleBits: 0, plainModuli: [65537n], refresh: able.refresh };
    expect(verdict(bfv, good)).toMatch(/only CKKS has refreshes, not bfv/);
  });
});

describe('cleartext parameters', () => {
  const clear: ParametersLiteral = {
    ...good,
    scheme: 'cleartext',
    dataPrimes: [1n << 30n],
    specialPrimes: [],
  };

  it('never make keys', () => {
    const checked = checkParameters(clear);
    expect(Object.isFrozen(checked)).toBe(true);
    expect(() => requireEncryption(checked)).toThrow(/clear only/);
    expect(() => requireEncryption(checked)).toThrow(
      expect.objectContaining({
        code: 'CLEARTEXT_ONLY',
        hint: expect.stringContaining('--backend') as string,
      }),
    );
    expect(() => requireEncryption(good)).not.toThrow();
    expect(certify(checked)).toBeNull();
  });

  it.each<[string, Change]>([
    ['the smallest ring', { polyModulusDegree: 2 }],
    ['the largest ring', { polyModulusDegree: 2 ** 20 }],
    ['the deepest chain', { dataPrimes: Array(4096).fill(1n << 30n) }],
  ])('have %s', (_what, change) => {
    expect(verdict(change, clear)).toBe('accepted');
  });

  it.each<[string, Change]>([
    ['the primes of keys', { dataPrimes: good.dataPrimes }],
    ['one level of another scale', { dataPrimes: [1n << 30n, 1n << 31n] }],
    ['special primes', { specialPrimes: good.specialPrimes }],
    ['no level', { dataPrimes: [] }],
    ['more levels than any model', { dataPrimes: Array(4097).fill(1n << 30n) }],
    ['a ring of one', { polyModulusDegree: 1 }],
    ['a ring larger than any', { polyModulusDegree: 2 ** 21 }],
    ['a ring that is no power of two', { polyModulusDegree: 12345 }],
  ])('have not %s', (_what, change) => {
    expect(verdict(change, clear)).toBe('PARAMETERS_INVALID: the cleartext parameters are inconsistent');
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

  const moduli = (count: number): bigint[] => {
    const taken = new Set<bigint>();
    while (taken.size < count) taken.add(nearestNttPrime(2 ** 40, 8192, taken, 41)!);
    return [...taken];
  };

  it('have up to eight plain moduli, of up to 60 bits', () => {
    expect(verdict({ ...bfv, plainModuli: moduli(8) })).toBe('accepted');
    expect(verdict({ ...bfv, plainModuli: [nearestNttPrime(2 ** 60, 8192, new Set(), 60)] })).toBe(
      'accepted',
    );
  });

  it.each<[string, Change, RegExp]>([
    ['too much security claimed', { securityLevel: 256 }, /^PARAMETERS_INSECURE: /],
    ['no plain modulus', { plainModuli: [] }, /needs 1 to 8 plain moduli, not 0/],
    ['a missing plain modulus', { plainModuli: undefined }, /needs 1 to 8 plain moduli, not 0/],
    ['too many of them', { plainModuli: moduli(9) }, /needs 1 to 8 plain moduli, not 9/],
    ['a plain modulus twice', { plainModuli: [65537n, 65537n] }, /plain moduli must be distinct/],
    [
      'a plain modulus of the chain',
      { plainModuli: [good.dataPrimes[1]] },
      /none of them a ciphertext modulus/,
    ],
    [
      'the special prime as one',
      { plainModuli: [good.specialPrimes[0]] },
      /none of them a ciphertext modulus/,
    ],
    [
      'a composite plain modulus',
      { plainModuli: [16385n * 16384n + 1n - 16384n] },
      /plain modulus 268435457 must be prime/,
    ],
    [
      'a plain modulus that is not 1 mod 2N',
      { plainModuli: [65539n] },
      /plain modulus 65539 must be 1 mod 2N/,
    ],
    [
      'a plain modulus of 61 bits',
      { plainModuli: [(1n << 60n) + 16384n * 3n + 1n] },
      /must have at most 60 bits/,
    ],
    ['one as a plain modulus', { plainModuli: [1n] }, /plain modulus 1 must have at most 60 bits/],
    ['a scale', { scaleBits: 30 }, /the scale of BFV is 1, not 2\^30/],
    ['hybrid key switching', { dnum: 1 }, /BFV needs one special prime and a key-switching digit for each/],
  ])('are refused with %s', (_what, change, reason) => {
    expect(verdict({ ...bfv, ...change })).toMatch(/^PARAMETERS_IN(SECURE|VALID): /);
    expect(verdict({ ...bfv, ...change })).toMatch(reason);
  });
});
