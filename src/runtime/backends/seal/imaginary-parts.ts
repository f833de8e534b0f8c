/**
 * Imaginary parts of decrypted slots, which node-seal does not decode: a real part is what it gives of the plaintext times i. In every
 * slot X^(N/2) is i or −i, and in the transformed form it is a square root of −1 modulo each prime.
 */
import { InternalError } from '../../../errors.ts';
import { powMod } from '../../../program/primes.ts';

const WORD_BYTES = 8;

/**
 * A plaintext in SEAL's bytes, uncompressed and transformed, times X^(N/2): its slots times i, all with the same sign.
 * @param primes of its level
 */
export function timesImaginaryUnit(
  plaintext: Uint8Array,
  polyModulusDegree: number,
  primes: readonly bigint[],
): Uint8Array {
  const product = plaintext.slice();
  // Residues come last, limb by limb.
  const start = product.length - primes.length * polyModulusDegree * WORD_BYTES;
  if (start < 0) throw new InternalError('a plaintext is shorter than its residues');
  const words = new DataView(product.buffer, product.byteOffset + start);
  for (const [limb, prime] of primes.entries()) {
    const root = squareRootOfMinusOne(prime);
    for (let k = 0; k < polyModulusDegree; k++) {
      const at = (limb * polyModulusDegree + k) * WORD_BYTES;
      // SEAL's transform evaluates at ψ^(2·brv(k) + 1): of these, the first half are 1 modulo 4 and the second 3.
      const factor = k < polyModulusDegree / 2 ? root : prime - root;
      words.setBigUint64(at, (words.getBigUint64(at, true) * factor) % prime, true);
    }
  }
  return product;
}

/** `prime` ≡ 1 modulo 4. */
function squareRootOfMinusOne(prime: bigint): bigint {
  for (let base = 2n; base < 200n; base++) {
    const root = powMod(base, (prime - 1n) / 4n, prime);
    if ((root * root) % prime === prime - 1n) return root;
  }
  throw new InternalError('a prime without a square root of -1');
}
