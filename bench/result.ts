/** The document in `bench/results/<name>.json`. Fields may be added, not renamed; a change of meaning raises `schema`. */
import type { BenchReport } from '../cli/report/bench-report.ts';
import type { ProgramReport } from '../cli/report/program-report.ts';
import type { LatencyStatistics, PrecisionStatistics } from '../cli/report/statistics.ts';
import type { Machine, Versions } from '../cli/versions.ts';
import type { Backend } from './case.ts';

export interface BenchResult {
  /** 3: bits of precision count from what outputs typically reach; 2: from the largest of all outputs. */
  readonly schema: 2 | 3;
  readonly name: string;
  /** ISO 8601, UTC; when the run began. */
  readonly createdAt: string;
  /** Commit measured, with "+" if files had changed; null outside a checkout. */
  readonly commit: string | null;
  readonly machine: Machine;
  /** Load average of one minute when the run began and ended: what else the machine was doing. Null in older files. */
  readonly load: { readonly before: number; readonly after: number } | null;
  readonly versions: Versions;
  readonly model: { readonly file: string; readonly bytes: number; readonly sha256: string };
  readonly calibration: string;
  readonly data: string;
  /** The model as it came, one input at a time on one thread. */
  readonly onnxruntime: { readonly runs: number; readonly latencyMs: LatencyStatistics };
  /** By backend, what was compiled for it and how that ran; null where it was not asked for. */
  readonly programs: Readonly<Record<Backend, ProgramResult | Refusal | null>>;
}

/** A backend that cannot run the model, in the words of the command line. */
export interface Refusal {
  readonly refused: { readonly code: string; readonly message: string };
}

export interface ProgramResult {
  readonly compile: {
    readonly options: readonly string[];
    readonly wallMs: number;
    readonly artifactBytes: number;
    readonly parameters: ProgramReport['parameters'];
    readonly depth: number;
    readonly rotationSteps: readonly number[];
    readonly operations: ProgramReport['operations'];
    /** Forecasts, to be held against the encrypted runs. */
    readonly predicted: ProgramReport['predicted'];
    /** Predicted, against one sample at a time; null unless compiled for throughput. Older files do not have it. */
    readonly throughput?: ProgramReport['throughput'];
  };
  /** The same program on unencrypted slots: what the program costs without encryption, and its approximation error. */
  readonly cleartext: BackendResult;
  /** Encrypted, by number of threads; accuracies in the clear are those of `cleartext`, over the whole data set. */
  readonly runs: readonly BackendResult[];
}

export function isProgram(result: ProgramResult | Refusal | null): result is ProgramResult {
  return result !== null && 'runs' in result;
}

/** The figures of `he-compile bench --json` for one backend, without its per-sample lists. */
export type BackendResult = Pick<
  BenchReport,
  | 'n'
  | 'plaintextSamples'
  | 'plaintextAccuracy'
  | 'polynomialAccuracy'
  | 'encryptedAccuracy'
  | 'agreement'
  | 'maxAbsError'
  | 'precisionBits'
  | 'latencyMs'
  | 'throughputPerSecond'
  | 'bytes'
  | 'peakMemoryBytes'
  | 'threads'
  | 'phaseMs'
> & {
  /** Encrypted against the polynomial model, without approximation: what the compiler forecasts. */
  readonly encryptionPrecisionBits: PrecisionStatistics;
  /** Polynomial model against the plaintext model. */
  readonly approximationPrecisionBits: PrecisionStatistics;
  /** Samples per second with full batches: an evaluation takes as long with fewer samples in it. Older files do not have it. */
  readonly fullBatchPerSecond?: number;
  /** Models that give maps of the input's pixels only. */
  readonly masks?: NonNullable<BenchReport['masks']>;
};

export function backendResult(report: BenchReport): BackendResult {
  return {
    n: report.n,
    plaintextSamples: report.plaintextSamples,
    plaintextAccuracy: report.plaintextAccuracy,
    polynomialAccuracy: report.polynomialAccuracy,
    encryptedAccuracy: report.encryptedAccuracy,
    agreement: report.agreement,
    maxAbsError: report.maxAbsError,
    precisionBits: report.precisionBits,
    latencyMs: report.latencyMs,
    throughputPerSecond: report.throughputPerSecond,
    bytes: report.bytes,
    peakMemoryBytes: report.peakMemoryBytes,
    threads: report.threads,
    phaseMs: report.phaseMs,
    encryptionPrecisionBits: report.errors.encryption.precisionBits,
    approximationPrecisionBits: report.errors.approximation.precisionBits,
    fullBatchPerSecond: (1000 * report.program.batchSize) / report.latencyMs.median,
    ...(report.masks === null ? {} : { masks: report.masks }),
  };
}
