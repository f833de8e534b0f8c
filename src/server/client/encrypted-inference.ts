/**
 * Steps 0 to 6 in one call: keys where they are missing, encryption, upload, evaluation, decryption. A session that broke
 * off goes on where it stopped if it is called again with its id: what was encrypted is not encrypted again.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ToolError } from '../protocol/error-codes.ts';
import type { EncryptedInput, LocalCryptography, LocalKeys, LocalResult } from './local-cryptography.ts';
import type { EncryptedResult, ProvisionedKeys, RemoteModel, StepOptions } from './remote-model.ts';
import type { RemoteServer } from './remote-server.ts';
import type { SessionFolder } from './session-folder.ts';
import type { LocalFile } from './upload-file.ts';

export interface InferenceOrder {
  /** Files, one for each input of the model. */
  readonly inputs: readonly string[];
  readonly model?: string | undefined;
  /** Resumes a session, or names a new one. */
  readonly sessionId?: string | undefined;
  /** Goes on with inputs outside of the certified range; they are refused otherwise. */
  readonly allowOutOfRange?: boolean | undefined;
  /** Told of each such input at once: there may be no outcome to say it. */
  readonly onWarning?: ((warning: string) => void) | undefined;
}

interface Prepared extends ProvisionedKeys {
  readonly keys: LocalKeys;
  readonly encrypted: EncryptedInput;
}

type RunStage = <T>(name: InferenceStage, work: (options: StepOptions) => Promise<T>) => Promise<T>;

export type InferenceStage = 'model' | 'keys' | 'provision' | 'encrypt' | 'upload' | 'evaluate' | 'decrypt';

export interface InferenceOutcome {
  readonly result: LocalResult;
  readonly sessionId: string;
  readonly model: string;
  readonly keySet: string;
  readonly keyRef: string;
  readonly encrypted: EncryptedResult;
  /** Each stage in ms; evaluation includes waiting for it and fetching the result. */
  readonly stageMs: Readonly<Record<InferenceStage, number>>;
  readonly bytes: {
    readonly evaluationKeys: number;
    /** 0 if the server had them already. */
    readonly evaluationKeysSent: number;
    readonly input: number;
    readonly output: number;
  };
  readonly notes: readonly string[];
  /** Inputs outside of their range that were let through. */
  readonly warnings: readonly string[];
}

/** How much of the whole each stage tends to take, in order; for one progress from 0 to 1. */
const SHARES: Readonly<Record<InferenceStage, number>> = {
  model: 0.02,
  keys: 0.1,
  provision: 0.23,
  encrypt: 0.05,
  upload: 0.15,
  evaluate: 0.4,
  decrypt: 0.05,
};
const STAGES = Object.keys(SHARES) as InferenceStage[];

const RESULT_FILE = 'enc_logit.hect';
/** The server asks for other keys: it lost them, let them expire, or does not accept them any more. */
const KEYS_TO_SEND: readonly string[] = ['ERROR_UNKNOWN_KEY', 'ERROR_KEY_EXPIRED', 'ERROR_KEY_NOT_READY'];

export class EncryptedInference {
  readonly #local: LocalCryptography;
  readonly #remote: RemoteServer;
  readonly #sessions: SessionFolder;

  constructor(local: LocalCryptography, remote: RemoteServer, sessions: SessionFolder) {
    this.#local = local;
    this.#remote = remote;
    this.#sessions = sessions;
  }

  /** @param progress hears 0 … 1 of the whole, and of the stage */
  async run(
    order: InferenceOrder,
    signal: AbortSignal | undefined,
    progress: (whole: number, stage: InferenceStage, fraction: number) => void,
  ): Promise<InferenceOutcome> {
    const stageMs: Record<InferenceStage, number> = {
      model: 0,
      keys: 0,
      provision: 0,
      encrypt: 0,
      upload: 0,
      evaluate: 0,
      decrypt: 0,
    };
    const done: Record<InferenceStage, number> = { ...stageMs };
    const stage: RunStage = async (name, work) => {
      signal?.throwIfAborted();
      const report = (fraction: number): void => {
        done[name] = Math.max(done[name], fraction);
        progress(
          STAGES.reduce((sum, each) => sum + SHARES[each] * done[each], 0),
          name,
          fraction,
        );
      };
      report(0);
      const start = performance.now();
      try {
        return await work({ signal, progress: report });
      } finally {
        stageMs[name] += performance.now() - start;
        report(1);
      }
    };

    // Before anything is asked of anybody: a file that cannot be read is the likeliest mistake.
    const fingerprint = await this.#local.fingerprint(order.inputs);
    const model = await stage('model', (options) => this.#remote.describe(order.model, options));
    const session = await this.#sessions.open(order.sessionId ?? newSessionId(), fingerprint, model);
    const fresh = session.files === null;
    const allowOutOfRange = order.allowOutOfRange === true;
    if (fresh) {
      const step = { signal, progress: () => undefined, allowOutOfRange };
      await this.#local.requireInputs(model, order.inputs, step).catch(async (error: unknown) => {
        await session.remove();
        throw error;
      });
    }
    const encrypt = (keys: LocalKeys): Promise<EncryptedInput> =>
      stage('encrypt', async (options) => {
        if (session.files !== null) return { files: session.files, notes: [], warnings: [] };
        const made = await this.#local.encrypt(keys.keySet, order.inputs, session.folder, {
          ...options,
          allowOutOfRange,
        });
        for (const warning of made.warnings) order.onWarning?.(warning);
        await session.saveFiles(keys.keySet, made.files);
        return made;
      });
    const { keys, encrypted, ...provisioned } = await this.#prepare(model, session.keySet, encrypt, stage);
    let { keyRef, sentBytes } = provisioned;
    const evaluate = async (unheardOf: boolean): Promise<EncryptedResult> => {
      await stage('upload', (options) =>
        this.#remote.uploadInputs(session.id, encrypted.files, { ...options, fresh: unheardOf }),
      );
      return stage('evaluate', (options) => this.#remote.infer(session.id, model, keyRef, options));
    };
    const answer = await evaluate(fresh).catch(async (error: unknown) => {
      const lost =
        error instanceof ToolError &&
        (KEYS_TO_SEND.includes(error.code) || error.code === 'ERROR_UPLOAD_INCOMPLETE');
      if (!lost) throw error;
      const again = await stage('provision', (options) =>
        this.#remote.provisionKeys(model, keys.evaluationKeys, options),
      );
      keyRef = again.keyRef;
      sentBytes += again.sentBytes;
      return evaluate(false);
    });
    const result = await stage('decrypt', async (options) => {
      const path = join(session.folder, RESULT_FILE);
      await session.saveResult(path, answer.bytes);
      // Said before anything is decrypted: what the server hears, and when, must not depend on what comes out.
      const discarded = this.#remote.discard(session.id);
      try {
        return await this.#local.decrypt(keys.keySet, path, options);
      } finally {
        // Neither is a failed decryption resumed, which the server would see.
        await Promise.all([discarded, session.remove()]);
      }
    });
    return {
      result,
      sessionId: session.id,
      model: model.model,
      keySet: keys.keySet,
      keyRef,
      encrypted: answer,
      stageMs,
      bytes: {
        evaluationKeys: totalBytes(keys.evaluationKeys),
        evaluationKeysSent: sentBytes,
        input: totalBytes(encrypted.files),
        output: answer.bytes.length,
      },
      notes: encrypted.notes,
      warnings: encrypted.warnings,
    };
  }

  /**
   * Sends the evaluation keys while the input is encrypted. Keys that were revoked never come back: new ones take their
   * place, unless the session is bound to the old ones.
   */
  async #prepare(
    model: RemoteModel,
    boundTo: string | null,
    encrypt: (keys: LocalKeys) => Promise<EncryptedInput>,
    stage: RunStage,
  ): Promise<Prepared> {
    const prepare = async (fresh: boolean): Promise<Prepared> => {
      const keys = await stage('keys', (options) => this.#local.ensureKeys(model, fresh, options));
      if (boundTo !== null && keys.keySet !== boundTo) {
        throw new ToolError(
          'ERROR_SESSION_CLOSED',
          'the session was encrypted with other keys than those for this model now',
        );
      }
      const [provisioned, encrypted] = await Promise.allSettled([
        stage('provision', (options) => this.#remote.provisionKeys(model, keys.evaluationKeys, options)),
        encrypt(keys),
      ]);
      if (provisioned.status === 'rejected') throw provisioned.reason;
      if (encrypted.status === 'rejected') throw encrypted.reason;
      return { keys, encrypted: encrypted.value, ...provisioned.value };
    };
    try {
      return await prepare(false);
    } catch (error) {
      if (!(error instanceof ToolError) || error.code !== 'ERROR_KEY_REVOKED' || boundTo !== null)
        throw error;
      return await prepare(true);
    }
  }
}

export function newSessionId(): string {
  return `session_${randomBytes(12).toString('hex')}`;
}

function totalBytes(files: readonly LocalFile[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
