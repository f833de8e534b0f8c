/** The compiled model: everything needed to serve, call and explain it, and no code. `codec.ts` writes and reads it. */
import type { Program } from './program.ts';
import type { CkksParameters, SecurityCertificate } from './security.ts';
import type { RefreshStep } from './semantics/refresh-plan.ts';
import type { Signature } from './signature.ts';

/** The draft's §7.1 request parameters, as the server of this artifact advertises and checks them. */
export interface Negotiation {
  readonly scheme_context: 'CKKS' | 'BFV' | 'cleartext';
  readonly poly_modulus_degree: number;
  readonly scale: number;
  /** Ordered chain, decimal strings: data primes, then special primes. */
  readonly coeff_modulus: readonly string[];
  /** How many of them, at the end, are special primes. */
  readonly special_primes: number;
  /** Digits of a key-switching key for the whole chain (dnum). */
  readonly key_switching_digits: number;
  /** BFV only: the batching primes, decimal strings; values are integers modulo their product. */
  readonly plain_modulus?: readonly string[];
  readonly security_level: 128 | 192 | 256;
  readonly max_multiplication_depth: number;
  readonly input_packing_format: string;
  readonly batch_size: number;
  readonly slot_count: number;
  /** Rotation step → Galois key reference ("galois:<element>"). */
  readonly galois_key_mappings: Readonly<Record<string, string>>;
}

/** Counts of primitive operations of one evaluation. */
export interface OperationCounts {
  readonly rotate: number;
  readonly multiplyPlain: number;
  readonly multiply: number;
  readonly add: number;
  readonly addPlain: number;
  readonly rescale: number;
  /** Bootstraps, each counted as one operation; left out where there are none. */
  readonly refresh?: number;
}

/** What the compiler decided about one layer and what it expects of it. */
export interface LayerReport {
  readonly layer: string;
  readonly kind: 'input' | 'linear' | 'polynomial' | 'product' | 'refresh';
  readonly shape: readonly number[];
  readonly layout: string;
  readonly ciphertexts: number;
  readonly level: number;
  readonly scaleBits: number;
  readonly operations: OperationCounts;
  /** Predicted standard deviation of the CKKS error of this value, per slot, absolute. */
  readonly predictedError: number;
  readonly bound: number;
  readonly predictedMs: number;
}

/** What a set of evaluation keys costs, and how much of it was counted when programs were compared. */
export interface KeyCost {
  readonly sentBytes: number;
  readonly makingMs: number;
  readonly sendingMs: number;
  readonly loadingMs: number;
  /** Megabits per second, and inferences that the set is taken to serve. */
  readonly bandwidth: number;
  readonly inferences: number;
  /** The three, spread over the inferences; 0 where the program was not planned by it. */
  readonly countedMsPerInference: number;
}

/** One step of all refreshes of an evaluation together. */
export interface RefreshStepTime {
  readonly step: RefreshStep;
  readonly ms: number;
}

export interface Predictions {
  /**
   * Of the worst output, by encryption, approximation and rounding together: −log2(error / what outputs typically reach). Where
   * an artifact states no `encryptionPrecisionBits`, it is older, and this is of encryption alone.
   */
  readonly precisionBits: number;
  /** Of encryption alone, before rounding. */
  readonly encryptionPrecisionBits?: number;
  /** Of the polynomials alone; null where nothing is approximated. */
  readonly approximationPrecisionBits?: number | null;
  /** What was asked for (`--precision`), and whether all together reach it. */
  readonly precisionAsked?: number;
  readonly precisionMet?: boolean;
  readonly latencyMs: number;
  /** What its refreshes take of it, by step; where nothing is refreshed, and in older artifacts, missing. */
  readonly refreshStepsMs?: readonly RefreshStepTime[];
  readonly memoryBytes: number;
  /** All evaluation keys as they are sent: seeded, about half of what they take in memory. */
  readonly keyBytesSent?: number;
  /** In memory, where they are used. */
  readonly keyBytes: {
    /** All but the relinearization key: those of refreshes too, see `galoisKeyBytes`. */
    readonly galois: number;
    readonly relinearization: number;
    /** The largest Galois key, in memory. */
    readonly perGaloisKey: number;
  };
  /** Older artifacts do not say. */
  readonly keyCost?: KeyCost;
  readonly inputCiphertextBytes: number;
  readonly outputCiphertextBytes: number;
}

/** One approximated activation. */
export interface ApproximationSummary {
  /** Node of the original graph. */
  readonly node: string;
  /** "Relu", "Clip", "Relu+MaxPool", … */
  readonly activation: string;
  readonly method: string;
  readonly degree: number;
  readonly depth: number;
  readonly channels: number;
  /** Root mean square and largest |polynomial − activation| over the held-out calibration inputs, this layer alone. */
  readonly rmsError: number;
  readonly maxError: number;
  /** Root mean square of the activation's own output, to judge the errors by. */
  readonly rmsOutput: number;
  /** Range over which the polynomial was fitted (widest channel), and what was seen. */
  readonly range: readonly [number, number];
  readonly seen: readonly [number, number];
  /**
   * Fraction of held-out values outside their channel's fitted range, and of inputs with at least one such value. Of exact polynomials
   * the range is what they were calibrated on, with the margin that bounds have.
   */
  readonly escapeRate: number;
  readonly inputsWithEscapes: number;
  /** Largest share of inputs with escapes that the held-out ones leave possible, at 95 %. Older artifacts do not say. */
  readonly escapeBound?: number;
  /**
   * From where on a single value, in times the fitted range about its middle, clients refuse the output, whatever follows. Missing where
   * nothing hides what runs away, and in older artifacts.
   */
  readonly refusedFrom?: number;
}

/** How the whole polynomial model compares with the original on held-out calibration inputs. */
export interface ApproximationQuality {
  readonly samples: number;
  /** Labels were available (fractions correct), else null. */
  readonly originalAccuracy: number | null;
  readonly polynomialAccuracy: number | null;
  /** Fraction with the same arg max, null if the output is not class scores. */
  readonly agreement: number | null;
  readonly rmsOutputError: number;
  readonly maxOutputError: number;
  readonly rmsOutput: number;
  /** What approximation may cost, and what held-out samples say of it. Where nothing is approximated, and in older artifacts, missing. */
  readonly bound?: BoundReport;
}

/** A drop in its own measure and percent; null where it is infinite. */
export interface BoundReport {
  /**
   * Of accuracy (percentage points); of classes that change (percent of the inputs); of decisions of a map that change (percent of
   * the positions that either model takes for more than background); or of the outputs (error in percent of their standard
   * deviation).
   */
  readonly measure: 'accuracy' | 'agreement' | 'decisions' | 'output-error';
  readonly estimate: number | null;
  /** Ends of the 95 % interval, each one-sided, for all candidates that the search might try together. */
  readonly lower: number | null;
  readonly upper: number | null;
  readonly limit: number | null;
  /** Whether the upper end lies within the limit, by samples enough to say so. */
  readonly shown: boolean;
}

/** How an integer program came about and what is known of it. */
export interface IntegerSummary {
  readonly inputBits: number;
  readonly weightBits: number;
  /** log2 of the largest |output integer| seen in calibration, and of the largest that any input can lead to. */
  readonly calibratedBits: number;
  readonly worstCaseBits: number;
  /** Whether the plain moduli hold the worst case: then no input whatever wraps around. */
  readonly guaranteed: boolean;
  /** Forecast of the invariant noise budget of the worst output, bits; decryption is exact while it is above zero. */
  readonly noiseBudgetBits: number;
  /** Of the integer program in the clear, over this many calibration inputs; null as in `ApproximationQuality`. */
  readonly samples: number;
  readonly accuracy: number | null;
  readonly agreement: number | null;
}

/** What an evaluation of a whole batch is worth. */
export interface ThroughputReport {
  /** Samples of one evaluation. */
  readonly batch: number;
  /** Predicted, of a full batch on one core. */
  readonly samplesPerSecond: number;
  /** The same model compiled for latency, one sample after another; null if it cannot be compiled so. */
  readonly latencyModePerSecond: number | null;
}

export interface CompileReport {
  readonly compilerVersion: string;
  readonly backend: 'seal' | 'native' | 'cleartext';
  /** SHA-256 of the ONNX file, hex. */
  readonly modelDigest: string;
  readonly calibration: string;
  readonly approximations: readonly ApproximationSummary[];
  readonly quality: ApproximationQuality;
  readonly depth: number;
  readonly operations: OperationCounts;
  readonly layers: readonly LayerReport[];
  readonly predicted: Predictions;
  /** Null unless compiled for throughput. */
  readonly throughput: ThroughputReport | null;
  readonly warnings: readonly string[];
  /** Exact schemes only. */
  readonly integer?: IntegerSummary;
  /** Whose costs the program was planned by: a machine profile; null where the backend has no profile. */
  readonly costProfile: string | null;
  /** Why node-seal cannot evaluate this here (memory, key size), with numbers; null if it can. */
  readonly sealObstacle: string | null;
  /** MiB that an evaluation was planned to stay within, and stays within unless told otherwise. Older artifacts do not say. */
  readonly memoryBudgetMb?: number;
}

export interface Artifact {
  readonly formatVersion: 2;
  readonly program: Program;
  readonly parameters: CkksParameters;
  readonly signature: Signature;
  readonly negotiation: Negotiation;
  /** null: compiled for verification in the clear, never to be run under encryption. */
  readonly certificate: SecurityCertificate | null;
  readonly report: CompileReport;
  /** The polynomial model as ONNX (what onnxruntime measures accuracy on); kept so that a report needs no recompilation. */
  readonly polynomialOnnx: Uint8Array;
}
