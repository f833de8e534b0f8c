/** NTT-friendly primes: deterministic Miller–Rabin and a search outward from a target. */

/** Deterministic for every n < 3.3e24 with these bases (Sorenson & Webster 2015), */
const BASES = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n];
/** below these limits with the first so many of them (Jaeschke 1993; Zhang 2001, proved by Jiang & Deng 2014). */
const FEWER_BASES = [
  { below: 3_474_749_660_383n, count: 6 },
  { below: 341_550_071_728_321n, count: 7 },
  { below: 3_825_123_056_546_413_051n, count: 9 },
];

/** Most composites have a factor among these; remainders of their product are found in float64. */
const SMALL_FACTORS = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41];
const SMALL_PRODUCT = BigInt(SMALL_FACTORS.reduce((product, p) => product * p, 1));

export function powMod(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let b = base % modulus;
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * b) % modulus;
    b = (b * b) % modulus;
  }
  return result;
}

export function isPrime(n: bigint): boolean {
  if (n < 2n || (n & 1n) === 0n) return n === 2n;
  const rest = Number(n % SMALL_PRODUCT);
  for (const p of SMALL_FACTORS) if (rest % p === 0) return n === BigInt(p);
  const bases = BASES.slice(0, FEWER_BASES.find(({ below }) => n < below)?.count);
  let d = n - 1n;
  let s = 0;
  while ((d & 1n) === 0n) {
    d >>= 1n;
    s++;
  }
  next: for (const a of bases) {
    let x = powMod(a, d, n);
    if (x === 1n || x === n - 1n) continue;
    for (let r = 1; r < s; r++) {
      x = (x * x) % n;
      if (x === n - 1n) continue next;
    }
    return false;
  }
  return true;
}

/**
 * The prime ≡ 1 (mod 2N) nearest to `target` that has at most `maxBits` bits and is not in `taken`.
 * Returns null if none lies within a factor of two of the target.
 */
export function nearestNttPrime(
  target: number,
  polyModulusDegree: number,
  taken: ReadonlySet<bigint>,
  maxBits: number,
): bigint | null {
  const step = BigInt(2 * polyModulusDegree);
  const center = BigInt(Math.round(target));
  const base = (center / step) * step + 1n;
  const limit = 1n << BigInt(maxBits);
  for (let k = 0n; ; k++) {
    const below = base - k * step;
    const above = base + (k + 1n) * step;
    if (below < center / 2n && above > center * 2n) return null;
    const candidates = center - below <= above - center ? [below, above] : [above, below];
    for (const candidate of candidates) {
      if (candidate > step && candidate < limit && !taken.has(candidate) && isPrime(candidate))
        return candidate;
    }
  }
}

/**
 * Distinct primes ≡ 1 (mod 2N), the nearest below 2 to each of `bits`, in this order. Null if one is missing, or lies so far below
 * that scales would drift.
 */
export function nttPrimesOf(bits: readonly number[], polyModulusDegree: number): bigint[] | null {
  const taken = new Set<bigint>();
  for (const own of bits) {
    const prime = nearestNttPrime(2 ** own - 1, polyModulusDegree, taken, own);
    if (prime === null || Number(prime) < 2 ** own * 0.8) return null;
    taken.add(prime);
  }
  return [...taken];
}

/** Sum of the bit lengths of all primes, an upper bound of log2(QP); this is what is held against the table. */
export function totalBits(primes: readonly bigint[]): number {
  return primes.reduce((sum, prime) => sum + prime.toString(2).length, 0);
}
