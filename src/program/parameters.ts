/** Parameters of CKKS or BFV: an unchecked literal becomes a checked, frozen `CkksParameters` in one place only. */
export type SecurityLevel = 128 | 192 | 256;

export interface ParametersLiteral {
  /**
   * 'bfv': exact integers modulo the product of the plain moduli. 'cleartext': the program can be verified without encryption,
   * but no key will ever be made for it.
   */
  readonly scheme: 'ckks' | 'bfv' | 'cleartext';
  /** N, a power of two; slots = N / 2. */
  readonly polyModulusDegree: number;
  /** q_0, …, q_L: the data primes in order (q_0 is never dropped). All distinct, prime, ≡ 1 mod 2N. */
  readonly dataPrimes: readonly bigint[];
  /** p_0, …: the special (key-switching) primes; their product P covers the largest digit. node-seal uses exactly one. */
  readonly specialPrimes: readonly bigint[];
  readonly securityLevel: SecurityLevel;
  readonly secretDistribution: 'uniform-ternary';
  /** log2 of the default scale Δ; 0 for BFV, whose values are integers. */
  readonly scaleBits: number;
  /** Number of key-switching digits at the top level; one per data prime for node-seal. */
  readonly dnum: number;
  /**
   * BFV only: t_0, …: distinct batching primes ≡ 1 mod 2N. Values are integers modulo their product, computed modulo each of them
   * (Chinese remainders); keys and ciphertexts have a part for each.
   */
  readonly plainModuli?: readonly bigint[];
  /** CKKS only: what the chain has for refreshes; left out where it has none. */
  readonly refresh?: RefreshParameters;
}

/** How a chain refreshes values (bootstraps); see `semantics/refresh-plan.ts`. */
export interface RefreshParameters {
  /** log2 of the scale between the raised modulus and the sine. */
  readonly raisedBits: number;
  /** How slots become coefficients, at the bottom of the chain, and coefficients slots, at its top: smallest blocks first, both. */
  readonly down: readonly TransformGroup[];
  readonly up: readonly TransformGroup[];
  /** Coefficients of the ephemeral secret that are not zero: the modulus is raised under it. */
  readonly ephemeralWeight: number;
}

/** Butterfly stages that are done at once, at the cost of a level. */
export interface TransformGroup {
  readonly stages: number;
  /** Rotations that share one decomposition. */
  readonly babies: number;
}

type Chain = Pick<ParametersLiteral, 'dataPrimes' | 'dnum'>;

/** α: consecutive data primes per key-switching digit, counted from q_0 (Han and Ki, eprint 2019/688). */
export function digitSize({ dataPrimes, dnum }: Chain): number {
  return Math.ceil(dataPrimes.length / dnum);
}

/** Digits in use at a level; the last one may have fewer than α primes. */
export function digitsAt(chain: Chain, level: number): number {
  return Math.ceil((level + 1) / digitSize(chain));
}

/** One digit per data prime and one special prime: the only shape that SEAL knows, and in which keys are never truncated. */
export function isSealShaped({
  scheme,
  dataPrimes,
  specialPrimes,
  dnum,
}: Chain & Pick<ParametersLiteral, 'scheme' | 'specialPrimes'>): boolean {
  return scheme !== 'cleartext' && specialPrimes.length === 1 && dnum === dataPrimes.length;
}

/** What a rescale divides the scale by at each level: the prime that it drops, or nothing where values are exact integers. */
export function scaleDivisors({
  scheme,
  dataPrimes,
}: Pick<ParametersLiteral, 'scheme' | 'dataPrimes'>): number[] {
  return dataPrimes.map((prime) => (scheme === 'bfv' ? 1 : Number(prime)));
}

/** The modulus that exact values are computed by; 1 where there is none. */
export function plainModulus({ plainModuli }: Pick<ParametersLiteral, 'plainModuli'>): bigint {
  return (plainModuli ?? []).reduce((product, prime) => product * prime, 1n);
}
