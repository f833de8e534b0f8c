/** What became of one test. */

export type Verdict =
  /** Decrypted outputs meet the precision asked for. */
  | 'pass'
  /** They do not, or something broke. */
  | 'fail'
  /** The compiler says that this cannot be evaluated under encryption, and why. */
  | 'refused'
  /** Nothing in the test can be encrypted. */
  | 'not-applicable';

export interface TestOutcome {
  readonly test: string;
  readonly operators: readonly string[];
  readonly encryptedInputs: readonly string[];
  readonly verdict: Verdict;
  /** Exact up to noise, or approximated by polynomials; null if it was not compiled. */
  readonly kind: 'linear' | 'product' | 'approximated' | 'constant' | null;
  /** −log2 of the largest error over the largest expected magnitude, of the worst output; null if nothing was computed. */
  readonly bits: number | null;
  readonly bitsAsked: number;
  readonly parameters: {
    readonly polyModulusDegree: number;
    readonly logQP: number;
    readonly scaleBits: number;
    readonly depth: number;
  } | null;
  readonly ms: { readonly compile: number; readonly keygen: number; readonly evaluate: number } | null;
  /** Why it is refused, failed or not applicable. */
  readonly reason: string | null;
  readonly suggestion: string | null;
}

export const BACKENDS = ['cleartext', 'seal', 'native'] as const;
export type ConformanceBackend = (typeof BACKENDS)[number];

export interface RunSettings {
  readonly backend: ConformanceBackend;
  /** Bits asked of results that are exact up to noise, and of approximated ones. */
  readonly linearBits: number;
  readonly approximatedBits: number;
  readonly seed: number;
}

export function settingsFor(backend: RunSettings['backend']): RunSettings {
  return { backend, linearBits: backend === 'cleartext' ? 20 : 12, approximatedBits: 10, seed: 1 };
}
