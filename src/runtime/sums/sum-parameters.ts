/**
 * Parameters under which vectors of 32-bit integers are encrypted, added up and opened: BFV, additions only, so that one data prime is
 * enough and a value takes 16 bytes.
 */
import { InternalError } from '../../errors.ts';
import { nearestNttPrime, nttPrimesOf } from '../../program/primes.ts';
import { checkParameters, ERROR_STANDARD_DEVIATION, type CkksParameters } from '../../program/security.ts';

/** N: elements of a ciphertext. */
export const SUM_ELEMENTS = 4096;
/** log2 of the data prime and of the special one that encryption divides by: 106 in all, the most that 128 bits of security allow. */
const PRIME_BITS = [60, 46] as const;
/** The plain modulus exceeds the range of sums, which are centred. */
const PLAIN_BITS = 33;
/** Ciphertexts that may be added up; what their noise comes to is far below what decryption bears (see the test). */
export const MOST_SUMMANDS = 10_000;

export function sumParameters(): CkksParameters {
  const primes = nttPrimesOf(PRIME_BITS, SUM_ELEMENTS);
  const plain = nearestNttPrime(2 ** PLAIN_BITS - 1, SUM_ELEMENTS, new Set(primes ?? []), PLAIN_BITS);
  if (primes === null || plain === null) throw new InternalError('no primes for sums');
  return checkParameters({
    scheme: 'bfv',
    polyModulusDegree: SUM_ELEMENTS,
    dataPrimes: primes.slice(0, 1),
    specialPrimes: primes.slice(1),
    securityLevel: 128,
    secretDistribution: 'uniform-ternary',
    scaleBits: 0,
    dnum: 1,
    plainModuli: [plain],
  });
}

/**
 * log2 of twelve standard deviations of the noise in a sum of `summands` fresh encryptions under a public key: e·u + e₁ + e₂·s for ternary
 * u and s (Fan and Vercauteren, eprint 2012/144), and half a unit each for encoding.
 */
export function sumNoiseBits(summands: number): number {
  const fresh = ERROR_STANDARD_DEVIATION * Math.sqrt((4 / 3) * SUM_ELEMENTS + 1);
  return Math.log2(12 * fresh * Math.sqrt(summands) + summands);
}

/** log2 of the noise below which a sum decrypts exactly: q / 2t. */
export function noiseRoomBits(): number {
  return PRIME_BITS[0] - 1 - PLAIN_BITS - 1;
}

/** Bytes of one ciphertext, fresh or added up: two polynomials under the data prime, and a frame. */
export const SUM_CIPHERTEXT_BYTES = 65_653;

/** Ciphertexts that a vector of so many elements takes. */
export function ciphertextsOf(length: number): number {
  return Math.ceil(length / SUM_ELEMENTS);
}
