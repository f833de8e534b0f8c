/** CKKS parameters: an unchecked literal becomes a checked, frozen `CkksParameters` in one place only. */
export type SecurityLevel = 128 | 192 | 256;

export interface ParametersLiteral {
  /** 'cleartext': the program can be verified without encryption, but no key will ever be made for it. */
  readonly scheme: 'ckks' | 'cleartext';
  /** N, a power of two; slots = N / 2. */
  readonly polyModulusDegree: number;
  /** q_0, …, q_L: the data primes in order (q_0 is never dropped). All distinct, prime, ≡ 1 mod 2N. */
  readonly dataPrimes: readonly bigint[];
  /** p_0, …: the special (key-switching) primes. node-seal uses exactly one. */
  readonly specialPrimes: readonly bigint[];
  readonly securityLevel: SecurityLevel;
  readonly secretDistribution: 'uniform-ternary';
  /** log2 of the default scale Δ. */
  readonly scaleBits: number;
  /** Number of key-switching digits at the top level; one per data prime for node-seal. */
  readonly dnum: number;
}
