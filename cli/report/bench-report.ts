/** The result of `bench`: the fields of `bench --json`, and all that its reports draw. */
import type { RefreshStepTime } from '../../src/program/artifact.ts';
import type { MaskAgreement } from '../measure/masks.ts';
import type { Machine, Versions } from '../versions.ts';
import type { ProgramReport } from './program-report.ts';
import type { Histogram, LatencyStatistics, PrecisionStatistics } from './statistics.ts';

/** One sample under encryption. Classes are null where the output is not one score per class. */
export interface SampleResult {
  readonly index: number;
  readonly label: number | null;
  readonly plaintextClass: number | null;
  readonly polynomialClass: number | null;
  readonly encryptedClass: number | null;
  /** Largest |encrypted − plaintext model| over the output's elements. */
  readonly maxAbsError: number;
  /** Largest |encrypted − polynomial model|: what encryption alone adds. */
  readonly encryptionError: number;
  /** How far the map agrees with the plaintext model's; absent where the output is no map of the input's pixels. */
  readonly overlap?: MaskAgreement;
}

interface MaskSummary {
  readonly pixels: { readonly mean: number; readonly min: number };
  readonly iou: { readonly mean: number; readonly min: number };
}

/** Of models whose output says something of every pixel. Fractions; means and minima are over samples. */
export interface MaskReport {
  /** Scores above it are foreground; null where the largest of several channels counts. */
  readonly threshold: number | null;
  /** Encrypted against the plaintext model, over the n samples. */
  readonly agreement: MaskSummary;
  /** Polynomial model against the plaintext model, over the whole data set. */
  readonly approximation: MaskSummary;
  /** Mean intersection over union with the data's own masks; null if there are none of this size. */
  readonly truth: {
    readonly plaintextIou: number;
    readonly polynomialIou: number;
    readonly encryptedIou: number;
  } | null;
}

/** How far one set of outputs is from another, element by element. */
export interface ErrorSummary {
  readonly maxAbsError: number;
  readonly rmsError: number;
  /** What reference outputs typically reach, by which errors become bits: see `typicalReach`. */
  readonly range: number;
  readonly precisionBits: PrecisionStatistics;
  /** Of log10|error|. */
  readonly histogram: Histogram;
}

export interface OutputErrors {
  readonly total: ErrorSummary;
  /** Encrypted against the polynomial model, before the client's own operators. */
  readonly encryption: ErrorSummary;
  /** Polynomial model against the plaintext model, on the same samples. */
  readonly approximation: ErrorSummary;
}

export interface BenchReport {
  /** Samples evaluated under encryption. */
  readonly n: number;
  /** Fractions correct over the whole data set (plaintext, polynomial) and over the n samples (encrypted). */
  readonly plaintextAccuracy: number | null;
  readonly polynomialAccuracy: number | null;
  readonly encryptedAccuracy: number | null;
  /** What to say of an original model that is right no more often than guessing is; null if it is. */
  readonly guessing: string | null;
  /** Fraction of the n samples on which the encrypted result has the plaintext model's class. */
  readonly agreement: number | null;
  /** Encrypted against the plaintext model: approximation and encryption together. */
  readonly maxAbsError: number;
  readonly precisionBits: PrecisionStatistics;
  /** One evaluation (of a whole batch). */
  readonly latencyMs: LatencyStatistics;
  readonly throughputPerSecond: number;
  readonly bytes: {
    readonly galoisKeys: number;
    readonly relinKeys: number;
    readonly inputCiphertexts: number;
    readonly outputCiphertexts: number;
  };
  readonly peakMemoryBytes: number;
  /** Of the n samples: inputs that other commands refuse to encrypt, outputs whose decryption is refused (they count as wrong). */
  readonly outOfRange: { readonly inputs: number; readonly outputs: number };
  readonly parameters: ProgramReport['parameters'];
  readonly machine: Machine;
  readonly versions: Versions;

  readonly createdAt: string;
  readonly backend: string;
  readonly threads: number;
  readonly data: string;
  readonly plaintextSamples: number;
  /** Of the first output. */
  readonly errors: OutputErrors;
  /** Of the further outputs, on the samples under encryption. */
  readonly otherOutputs: readonly { readonly name: string; readonly errors: OutputErrors }[];
  /** Medians; key generation is once. */
  readonly phaseMs: {
    readonly keygen: number;
    readonly encrypt: number;
    readonly evaluate: number;
    readonly decrypt: number;
  };
  /** Median measured time of each layer of `program.layers`; null where the backend does not tell. */
  readonly layerMs: readonly (number | null)[];
  /** Of all refreshes of an evaluation together, in the mean; empty where nothing is refreshed or the backend does not tell. */
  readonly refreshStepsMs: readonly RefreshStepTime[];
  /** counts[label][encrypted class] over the n samples, or null without labels or with too many classes. */
  readonly confusion: readonly (readonly number[])[] | null;
  /** Null unless the output is a map of the input's pixels. */
  readonly masks: MaskReport | null;
  readonly samples: readonly SampleResult[];
  readonly program: ProgramReport;
}
