/** The remote server's part of the protocol, step by step: models, keys (step 0), uploads and inference (steps 3 and 4). */
import { z } from 'zod';
import { acknowledgement, inferenceAnswer, keyStatus, sessionAnswer } from '../protocol/answers.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { requestParameters } from '../protocol/negotiation.ts';
import type { CallOptions, JsonObject } from './connection.ts';
import { ConnectionFailure } from './connection.ts';
import type { EnrolledCaller } from './enrolled-caller.ts';
import type { OpenedCaller } from './open-enrolled.ts';
import { openEnrolled } from './open-enrolled.ts';
import type { RemoteCaller } from './remote-caller.ts';
import type {
  EncryptedResult,
  ProvisionedKeys,
  RemoteModel,
  RemoteOptions,
  StepOptions,
} from './remote-model.ts';
import { description, resultChunk } from './remote-model.ts';
import type { Chunk, LocalFile, RemoteFile } from './upload-file.ts';
import { resultBytesBound } from './result-bound.ts';
import { uploadFiles } from './upload-file.ts';
import { waitUntilDone } from './wait-for-session.ts';

/** Larger ones are answered more slowly and repeated at a higher price. */
const MAX_CHUNK_BYTES = 8 * 2 ** 20;
const PARALLEL_UPLOADS = 3;
/**
 * Lists of missing chunks are cut off, so an upload may take more than one round, and a server that lost something asks again; but not
 * for more than this many times the whole.
 */
const MOST_OF_THE_WHOLE = 3;
/** For an evaluation and the queue before it. */
const PATIENCE_MS = 6 * 3_600_000;
const GOODBYE_MS = 5000;

export class RemoteServer implements AsyncDisposable {
  readonly #caller: RemoteCaller;
  readonly #enrolled: EnrolledCaller;
  readonly #options: RemoteOptions;

  static async open(options: RemoteOptions): Promise<RemoteServer> {
    return new RemoteServer(options, await openEnrolled(options));
  }

  private constructor(options: RemoteOptions, { caller, enrolled }: OpenedCaller) {
    this.#options = options;
    this.#caller = caller;
    this.#enrolled = enrolled;
  }

  /** @param model may be left out where there is only one */
  async describe(model: string | undefined, { signal }: StepOptions = {}): Promise<RemoteModel> {
    const args = { include_signature: true, ...(model === undefined ? {} : { model }) };
    const answer = await this.#enrolled.ask('describe_model', args, description, { signal });
    const parameters = requestParameters.partial().safeParse(answer);
    if (!parameters.success)
      throw new ConnectionFailure('the server states parameters that no request may have', true);
    return {
      model: answer.model,
      algorithmId: answer.algorithm_id,
      batchSize: answer.batch_size,
      signature: answer.signature,
      parameters: parameters.data,
    };
  }

  /**
   * Step 0: announces the files, sends what is missing and has the server check them. Keys that it has already are not
   * sent again.
   */
  async provisionKeys(
    { model, algorithmId }: Pick<RemoteModel, 'model' | 'algorithmId'>,
    files: readonly LocalFile[],
    { signal, progress }: StepOptions = {},
  ): Promise<ProvisionedKeys> {
    const announced = files.map(({ fileName, bytes, sha256 }) => ({ file_name: fileName, bytes, sha256 }));
    const args = { model, algorithm_id: algorithmId, files: announced };
    const begin = (): Promise<z.infer<typeof keyStatus>> =>
      this.#enrolled.call('begin_key_provisioning', args, keyStatus, { signal });
    let status = await begin();
    if (status.state === 'active') return { keyRef: status.key_ref, sentBytes: 0 };
    const { key_ref } = status;
    const send = async (chunk: Chunk, options: CallOptions): Promise<void> => {
      const args = { key_ref, ...chunkArguments(chunk) };
      await this.#enrolled.call('upload_evaluation_key_chunk', args, acknowledgement, options);
    };
    const allowance = uploadAllowance(files);
    while (isIncomplete(status.files)) {
      await this.#upload(files, status.files, send, allowance, { signal, progress });
      status = await this.#enrolled.call('get_key_status', { key_ref }, keyStatus, { signal });
    }
    await this.#enrolled.call('commit_evaluation_keys', { key_ref }, keyStatus, {
      signal,
      progress: () => undefined,
    });
    return { keyRef: key_ref, sentBytes: files.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  async revokeKeys(keyRef: string, { signal }: StepOptions = {}): Promise<void> {
    await this.#enrolled.call('revoke_evaluation_keys', { key_ref: keyRef }, z.looseObject({}), { signal });
  }

  /**
   * Step 3, first half: what the session has already is not sent again, and nothing if it is being evaluated.
   * @param fresh the server has not heard of the session: there is nothing to ask about
   */
  async uploadInputs(
    sessionId: string,
    files: readonly LocalFile[],
    { signal, progress, fresh = false }: StepOptions & { readonly fresh?: boolean } = {},
  ): Promise<void> {
    const send = async (chunk: Chunk, options: CallOptions): Promise<void> => {
      const args = { session_id: sessionId, ...chunkArguments(chunk) };
      await this.#enrolled.call('upload_ciphertext_chunk', args, acknowledgement, options);
    };
    const allowance = uploadAllowance(files);
    for (let first = true; ; first = false) {
      const session = fresh && first ? null : await this.#session(sessionId, signal);
      if (session !== null && !['staging', 'failed', 'cancelled'].includes(session.status)) return;
      const known = session?.files ?? [];
      if (
        files.every(({ fileName }) => known.some((file) => file.file_name === fileName)) &&
        !isIncomplete(known)
      )
        return;
      await this.#upload(files, known, send, allowance, { signal, progress });
    }
  }

  /**
   * Steps 3 and 4: evaluates what was uploaded and fetches the encrypted result. May be called again for the same session.
   * Cancelling it cancels the evaluation.
   */
  async infer(
    sessionId: string,
    { model, algorithmId, parameters, signature }: RemoteModel,
    keyRef: string,
    { signal, progress }: StepOptions = {},
  ): Promise<EncryptedResult> {
    const maxBytes = resultBytesBound(signature);
    const { patienceMs = PATIENCE_MS } = this.#options;
    const request: JsonObject = {
      session_id: sessionId,
      model,
      key_ref: keyRef,
      ...parameters,
      algorithm_id: algorithmId,
    };
    // A connection that broke once may break again: from then on the evaluation does not hang on it.
    const args = (attempt: number): JsonObject => (attempt === 1 ? request : { ...request, async: true });
    const report = (fraction: number, message?: string): void => progress?.(fraction, message);
    const options: CallOptions = { signal, patienceMs, progress: report };
    try {
      const first = await this.#enrolled.call('remote_inference_cnn', args, inferenceAnswer, options);
      if (first.status === 'done') return await this.#resultOf(sessionId, first, maxBytes, signal);
      await waitUntilDone(() => this.#session(sessionId, signal), { signal, progress, patienceMs });
      const answer = await this.#enrolled.call('remote_inference_cnn', request, inferenceAnswer, options);
      return await this.#resultOf(sessionId, answer, maxBytes, signal);
    } catch (error) {
      if (signal?.aborted === true) await this.#goodbye(sessionId, false);
      throw error;
    }
  }

  /** Removes a session that is of no more use; best effort. */
  discard(sessionId: string): Promise<void> {
    return this.#goodbye(sessionId, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#caller[Symbol.asyncDispose]();
  }

  async #upload(
    files: readonly LocalFile[],
    known: readonly RemoteFile[],
    send: (chunk: Chunk, options: CallOptions) => Promise<void>,
    allowance: UploadAllowance,
    { signal, progress }: StepOptions,
  ): Promise<void> {
    const { maxChunkBytes } = await this.#enrolled.settings(signal);
    const plan = {
      chunkBytes: Math.min(maxChunkBytes, this.#options.maxChunkBytes ?? MAX_CHUNK_BYTES),
      parallel: this.#options.parallelUploads ?? PARALLEL_UPLOADS,
    };
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    let sent = 0;
    const before = allowance.bytes;
    await uploadFiles(
      files,
      known,
      plan,
      (chunk) => {
        allowance.bytes -= chunk.bytes.length;
        if (allowance.bytes < 0)
          throw new ConnectionFailure('the server asks again for what it has been sent', true);
        return send(chunk, { signal });
      },
      (bytes) => {
        sent += bytes;
        progress?.(sent / total);
      },
    );
    if (allowance.bytes === before)
      throw new ConnectionFailure('the server says that something is missing, but not what', true);
  }

  async #session(
    sessionId: string,
    signal: AbortSignal | undefined,
  ): Promise<z.infer<typeof sessionAnswer> | null> {
    try {
      return await this.#enrolled.call('get_session_status', { session_id: sessionId }, sessionAnswer, {
        signal,
      });
    } catch (error) {
      if (error instanceof ToolError && error.code === 'ERROR_UNKNOWN_SESSION') return null;
      throw error;
    }
  }

  async #resultOf(
    sessionId: string,
    answer: z.infer<typeof inferenceAnswer>,
    maxBytes: number,
    signal: AbortSignal | undefined,
  ): Promise<EncryptedResult> {
    const { encrypted_logit_bytes: announced = 0, encrypted_logit_b64: inline, result_chunks = 0 } = answer;
    if (announced > maxBytes) {
      throw new ConnectionFailure(
        `an encrypted result of ${announced} bytes is announced, the model gives ${maxBytes} at most`,
        true,
      );
    }
    const bytes =
      inline === undefined
        ? await this.#fetchChunks(sessionId, result_chunks, announced, signal)
        : Buffer.from(inline, 'base64');
    if (bytes.length !== answer.encrypted_logit_bytes || sha256Of(bytes) !== answer.encrypted_logit_sha256) {
      throw new ConnectionFailure('the encrypted result is not the one that was announced', true);
    }
    return {
      bytes,
      inferSeconds: answer.profile?.infer_s ?? null,
      keyRef: answer.key_ref,
      noiseBudgetRemaining: answer.noise_budget_remaining,
      computationDepthUsed: answer.computation_depth_used,
      outputShape: answer.output_shape,
    };
  }

  /** No more than was announced, and no chunk without anything in it. */
  async #fetchChunks(
    sessionId: string,
    count: number,
    announced: number,
    signal: AbortSignal | undefined,
  ): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let left = announced;
    for (let index = 0; index < count; index++) {
      const args = { session_id: sessionId, chunk_index: index };
      const answer = await this.#enrolled.call('get_inference_result', args, resultChunk, { signal });
      const chunk = Buffer.from(answer.chunk_b64, 'base64');
      left -= chunk.length;
      if (chunk.length === 0 || left < 0)
        throw new ConnectionFailure('the encrypted result is not the one that was announced', true);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async #goodbye(sessionId: string, discard: boolean): Promise<void> {
    const args = { session_id: sessionId, ...(discard ? { discard } : {}) };
    const signal = AbortSignal.timeout(GOODBYE_MS);
    await this.#enrolled.call('cancel_inference', args, z.looseObject({}), { signal }).catch(() => undefined);
  }
}

/** What is left of the bytes that an upload may take. */
interface UploadAllowance {
  bytes: number;
}

function uploadAllowance(files: readonly LocalFile[]): UploadAllowance {
  return { bytes: MOST_OF_THE_WHOLE * files.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function chunkArguments({ fileName, index, total, bytes, sha256 }: Chunk): JsonObject {
  return {
    file_name: fileName,
    chunk_index: index,
    total_chunks: total,
    chunk_b64: bytes.toString('base64'),
    chunk_sha256: sha256,
  };
}

function isIncomplete(files: readonly { total_chunks: number; missing: readonly unknown[] }[]): boolean {
  return files.some(({ total_chunks, missing }) => total_chunks === 0 || missing.length > 0);
}
