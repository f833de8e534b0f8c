/** What `he-compile federate demo` has to tell: plain data, for its text, its page and `--json`. */

export interface FederationRound {
  readonly round: number;
  readonly joined: number;
  /** By name; their keys were shared, their updates never came. */
  readonly dropouts: readonly string[];
  /** Share of the test digits that the model of this round classifies right. */
  readonly accuracy: number;
  /** L2 norms of the participants' updates before clipping. */
  readonly updateNorms: { readonly least: number; readonly most: number };
  /** L2 norm of the survivors' mean as it was opened, noise and all. */
  readonly meanNorm: number | null;
  /** Against the plain sum of what the survivors gave. */
  readonly sum: { readonly weights: number; readonly wrong: number; readonly untold: number };
  /** By participants' ledgers after this round, the largest and the least; null: no bound. */
  readonly epsilon: { readonly least: number; readonly most: number } | null;
}

/** One federation from the first round to the last. */
export interface FederationRun {
  readonly mechanism: string;
  /** Of all rounds; null: no bound. */
  readonly epsilonPlanned: number | null;
  readonly delta: number;
  readonly noiseMultiplier: number;
  readonly clip: number;
  readonly minSurvivors: number;
  readonly colluders: number;
  /** L2 norm of the noise in the mean of all, in units of the model; 0 without. */
  readonly noiseNorm: number;
  /** Before the first round. */
  readonly initialAccuracy: number;
  readonly rounds: readonly FederationRound[];
}

export interface EncryptedDigit {
  /** PNG as a data URI. */
  readonly picture: string | null;
  readonly label: number;
  readonly encryptedClass: number | null;
  readonly plaintextClass: number | null;
  /** Largest difference of a score from onnxruntime's. */
  readonly maxAbsError: number;
  readonly backend: string;
  readonly compileMs: number;
  readonly keygenMs: number;
  readonly evaluateMs: number;
}

export interface FederationReport {
  readonly seed: number;
  readonly participants: readonly string[];
  readonly parameters: number;
  readonly trainingDigits: number;
  readonly testDigits: number;
  /** Masks alone. */
  readonly plain: FederationRun;
  /** Masks and differential privacy. */
  readonly noised: FederationRun;
  /** Of the last model of the run without noise. */
  readonly encrypted: EncryptedDigit;
  readonly totalMs: number;
}
