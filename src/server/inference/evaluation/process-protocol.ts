/** What the server and an evaluation process tell each other. Plain data; bytes go through the blob store. */
import type { ErrorCode } from '../../protocol/error-codes.ts';
import type { BlobStoreLocation } from '../../storage/blob-store.ts';

export interface FileOfChunks {
  readonly chunks: readonly string[];
  /** Hex; null where nobody announced one. */
  readonly sha256: string | null;
}

export interface Opening {
  readonly artifactFile: string;
  readonly artifactDigest: string;
  readonly blobs: BlobStoreLocation;
  readonly keys: readonly FileOfChunks[];
  readonly threads: number;
  readonly evaluatorBytes: number;
}

export interface Order {
  readonly inputs: readonly FileOfChunks[];
  /** Blob to write the result to. */
  readonly outputKey: string;
}

export type ToProcess =
  | { readonly kind: 'open'; readonly opening: Opening }
  | { readonly kind: 'evaluate'; readonly id: number; readonly order: Order }
  | { readonly kind: 'cancel'; readonly id: number };

/** True values of one evaluation, for the telemetry of §7.2. */
export interface EvaluationOutcome {
  readonly resultBytes: number;
  readonly resultSha256: string;
  readonly inferSeconds: number;
  readonly remainingLevel: number | null;
  readonly scale: number | null;
  readonly noiseBudgetBits: number | null;
  readonly depthUsed: number;
  readonly outputShape: readonly number[];
}

export interface ProcessFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

export type FromProcess =
  | { readonly kind: 'opened'; readonly memoryBytes: number; readonly threads: number }
  | {
      readonly kind: 'progress';
      readonly id: number | null;
      readonly stage: string;
      readonly fraction: number;
      /** Empty while keys are loaded. */
      readonly layer: string;
    }
  | {
      readonly kind: 'done';
      readonly id: number;
      readonly outcome: EvaluationOutcome;
      readonly memoryBytes: number;
    }
  | { readonly kind: 'failed'; readonly id: number | null; readonly failure: ProcessFailure };
