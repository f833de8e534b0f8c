/** What the client reads of the remote server's answers, and passes around. */
import { z } from 'zod';
import type { inferenceAnswer } from '../protocol/answers.ts';
import type { RequestParameters } from '../protocol/negotiation.ts';
import { MAX_NAME, oneLine } from '../protocol/untrusted-text.ts';
import type { BearerSource } from './bearer-fetch.ts';
import type { Connection } from './connection.ts';
import type { CredentialStore } from './credentials.ts';
import type { RetryPolicy } from './retry.ts';

/** Is said to agents, and sent back to the server as it came. */
const plainName = z
  .string()
  .max(MAX_NAME)
  .refine((text) => oneLine(text, MAX_NAME) === text);

export const description = z.looseObject({
  ok: z.literal(true),
  model: plainName,
  algorithm_id: plainName,
  batch_size: z
    .int()
    .min(1)
    .max(2 ** 20),
  /** Unchecked: whoever makes keys of it checks it. */
  signature: z.unknown(),
});

export interface RemoteModel {
  readonly model: string;
  readonly algorithmId: string;
  readonly batchSize: number;
  /** As it came; the local server checks it. */
  readonly signature: unknown;
  /** §7.1, to be sent back with the inference so that the server checks them. */
  readonly parameters: RequestParameters;
}

export interface RemoteOptions {
  readonly clientId: string;
  readonly server: string;
  connect(signal: AbortSignal | undefined, bearers: BearerSource): Promise<Connection>;
  readonly credentials: CredentialStore;
  readonly enrolmentCode?: string | undefined;
  readonly retries?: RetryPolicy;
  /** Chunks are no larger than this, whatever the server takes. */
  readonly maxChunkBytes?: number;
  /** Chunks on their way at once. */
  readonly parallelUploads?: number;
  /** How long an evaluation is waited for, queue included, whatever signs of life there are; default: 6 hours. */
  readonly patienceMs?: number;
}

export interface StepOptions {
  readonly signal?: AbortSignal | undefined;
  /** 0 … 1 */
  readonly progress?: ((fraction: number, message?: string) => void) | undefined;
}

export interface ProvisionedKeys {
  readonly keyRef: string;
  /** 0 if the server had them already. */
  readonly sentBytes: number;
}

export interface EncryptedResult {
  readonly bytes: Uint8Array;
  /** The server's own measure, seconds. */
  readonly inferSeconds: number | null;
  readonly keyRef: string;
  /** §7.2, as the server states it. */
  readonly noiseBudgetRemaining: z.infer<typeof inferenceAnswer>['noise_budget_remaining'];
  readonly computationDepthUsed: number;
  readonly outputShape: readonly number[] | null;
}

export const resultChunk = z.looseObject({ ok: z.literal(true), chunk_b64: z.string() });
