/** Parameters of integer programs: one chain for each ring, as large as security allows, and plain moduli of a given size. */
import { nearestNttPrime } from '../../program/primes.ts';
import type { CkksParameters } from '../../program/security.ts';
import { checkParameters } from '../../program/security.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import type { SecurityLevel } from '../../program/parameters.ts';

/** SEAL's limit for a modulus. */
const MAX_PRIME_BITS = 60;
/** Below, no ring has enough primes that are 1 mod 2N. */
const MIN_PRIME_BITS = 24;
/** More parts than this are not worth their time. */
export const MAX_PLAIN_MODULI = 6;

export interface IntegerRing {
  readonly polyModulusDegree: number;
  readonly depth: number;
  readonly security: SecurityLevel;
}

/**
 * Bits of every prime of the chain: a prime sheds as much noise as one multiplication makes, so all have the same size, and
 * noise has all the room that the security bound leaves. 0 where the ring is too small for the depth.
 */
export function primeBits({ polyModulusDegree, depth, security }: IntegerRing): number {
  const bits = Math.min(MAX_PRIME_BITS, Math.floor(maxLogQP(polyModulusDegree, security) / (depth + 2)));
  return bits < MIN_PRIME_BITS ? 0 : bits;
}

/** The fewest bits that a batching prime of the ring can have: it is 1 mod 2N. */
export function leastPlainBits({ polyModulusDegree }: IntegerRing): number {
  return Math.log2(2 * polyModulusDegree) + 2;
}

/** `count` plain moduli of `plainBits` each; null where there are not enough primes of these sizes. */
export function integerParameters(
  ring: IntegerRing,
  plainBits: number,
  count: number,
): CkksParameters | null {
  const { polyModulusDegree, depth, security } = ring;
  const bits = primeBits(ring);
  const taken = new Set<bigint>();
  const take = (size: number): bigint | null => {
    const prime = nearestNttPrime(2 ** size - 1, polyModulusDegree, taken, size);
    if (prime === null || Number(prime) < 2 ** (size - 1)) return null;
    taken.add(prime);
    return prime;
  };
  const primes = Array.from({ length: bits === 0 ? 0 : depth + 2 }, () => take(bits));
  const plain = Array.from({ length: count }, () => take(plainBits));
  const all = [...primes, ...plain];
  if (primes.length === 0 || !all.every((prime) => prime !== null)) return null;
  // The largest is the special prime: key switching divides by it.
  return checkParameters({
    scheme: 'bfv',
    polyModulusDegree,
    dataPrimes: all.slice(1, depth + 2),
    specialPrimes: all.slice(0, 1),
    securityLevel: security,
    secretDistribution: 'uniform-ternary',
    scaleBits: 0,
    dnum: depth + 1,
    plainModuli: all.slice(depth + 2),
  });
}
