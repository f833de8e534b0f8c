/**
 * A client that repeats every step until it is acknowledged, over as many connections as that takes, and never asks what happened before: what servers
 * that die under it must leave possible. A session of its is one from enrolment over keys, chunks, evaluation and result to revocation.
 */
import { InternalError } from '../../errors.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { connectClient, type Connection } from './mcp-clients.ts';
import type { Answer } from './protocol-client.ts';
import { ProtocolClient } from './protocol-client.ts';

export const STEPS = [
  'enrol',
  'begin',
  'key chunk',
  'commit',
  'input chunk',
  'infer',
  'result',
  'revoke',
] as const;
export type Step = (typeof STEPS)[number];

/** What a session sends, and the SHA-256 of the result that it must have. */
export interface SessionPlan {
  readonly keys: Uint8Array;
  readonly input: Uint8Array;
  readonly expected: string;
  readonly keyChunks: number;
  readonly inputChunks: number;
  /** Asks for the evaluation and looks again and again whether it is done, instead of waiting for the answer. */
  readonly polls: boolean;
}

export interface StepWatch {
  begins(step: Step): void;
  /** @param ms from its first call to its answer */
  ends(step: Step, ms: number): void;
}

const RETRY_MS = 20;
/** A server that does not come back is a failure of its own. */
const PATIENCE_MS = 240_000;
const SESSION = { session_id: 'session' };

export class InsistentClient {
  readonly name: string;
  readonly #url: () => string;
  readonly #watch: StepWatch;
  #connection: Connection | null = null;
  #client: ProtocolClient | null = null;

  /** @param url of /mcp; asked again for each connection, so that there may be another server to go to */
  constructor(name: string, url: () => string, watch: StepWatch) {
    this.name = name;
    this.#url = url;
    this.#watch = watch;
  }

  /** @throws InternalError if an answer is not the one that a session without any fault has */
  async session(plan: SessionPlan): Promise<{ readonly keyRef: string }> {
    const { keys, input, expected, keyChunks, inputChunks, polls } = plan;
    // The answer to an enrolment may be lost with its token: the same key enrols again.
    expectAnswer(await this.#insist('enrol', (client) => client.enrol()), { ok: true });
    const file = { file_name: 'evaluation.keys', bytes: keys.length, sha256: sha256Of(keys) };
    const begun = await this.#ask('begin', 'begin_key_provisioning', { files: [file] });
    expectAnswer(begun, { ok: true });
    const key_ref = begun['key_ref'] as string;
    await this.#send(
      'key chunk',
      'upload_evaluation_key_chunk',
      { key_ref },
      file.file_name,
      keys,
      keyChunks,
    );
    expectAnswer(await this.#ask('commit', 'commit_evaluation_keys', { key_ref }), {
      ok: true,
      state: 'active',
    });
    await this.#sendInput(SESSION, input, inputChunks);
    const done = { ok: true, status: 'done', key_ref, encrypted_logit_sha256: expected };
    expectAnswer(await this.#infer(SESSION, polls), done);
    const result = await this.#ask('result', 'get_inference_result', SESSION);
    expectResult(result['chunk_b64'], expected);
    expectAnswer(await this.#ask('revoke', 'revoke_evaluation_keys', { key_ref }), { ok: true });
    // Revoked is revoked, whatever happened meanwhile.
    const late = { session_id: 'late' };
    await this.#sendInput(late, input, 1);
    expectAnswer(await this.#ask('infer', 'remote_inference_cnn', late), {
      ok: false,
      error_code: 'ERROR_KEY_REVOKED',
    });
    return { keyRef: key_ref };
  }

  /** All that was acknowledged is still there. */
  async verify({ expected }: Pick<SessionPlan, 'expected'>, keyRef: string): Promise<void> {
    const answer = await this.#ask('result', 'remote_inference_cnn', SESSION);
    expectAnswer(answer, { ok: true, status: 'done', encrypted_logit_sha256: expected });
    expectResult(answer['encrypted_logit_b64'], expected);
    expectAnswer(await this.#ask('result', 'get_key_status', { key_ref: keyRef }), {
      ok: true,
      state: 'revoked',
    });
  }

  async close(): Promise<void> {
    await this.#connection?.close().catch(() => undefined);
    this.#connection = null;
  }

  #ask(step: Step, tool: string, args: Record<string, unknown>): Promise<Answer> {
    return this.#insist(step, (client) => client.callAs(tool, args));
  }

  #sendInput(target: Record<string, unknown>, bytes: Uint8Array, chunks: number): Promise<void> {
    return this.#send('input chunk', 'upload_ciphertext_chunk', target, 'input.hect', bytes, chunks);
  }

  async #send(
    step: Step,
    tool: string,
    target: Record<string, unknown>,
    file_name: string,
    bytes: Uint8Array,
    total_chunks: number,
  ): Promise<void> {
    const size = Math.ceil(bytes.length / total_chunks);
    for (let chunk_index = 0; chunk_index < total_chunks; chunk_index++) {
      const chunk = bytes.subarray(chunk_index * size, (chunk_index + 1) * size);
      const chunk_b64 = Buffer.from(chunk).toString('base64');
      const args = { ...target, file_name, chunk_index, total_chunks, chunk_b64 };
      expectAnswer(await this.#ask(step, tool, args), { ok: true, chunk_index });
    }
  }

  /** One step: from the order to when it is done, at whichever server; one that ends may say that it goes on. */
  #infer(target: Record<string, unknown>, polls: boolean): Promise<Answer> {
    let ordered = !polls;
    return this.#insist('infer', async (client) => {
      if (!ordered) {
        const answer = await client.callAs('remote_inference_cnn', { ...target, async: true });
        if (!answer.ok) return answer;
        ordered = true;
      }
      const seen = polls ? await client.callAs('get_session_status', target) : null;
      if (seen !== null && isUnderWay(seen)) return AGAIN;
      // The same request again: joins, or has the result.
      const answer = await client.callAs('remote_inference_cnn', target);
      return isUnderWay(answer) ? AGAIN : answer;
    });
  }

  /** Calls until there is an answer. */
  async #insist(step: Step, call: (client: ProtocolClient) => Promise<Answer>): Promise<Answer> {
    const start = performance.now();
    this.#watch.begins(step);
    for (;;) {
      let last: unknown;
      try {
        const answer = await call(await this.#connected());
        if (answer['retryable'] !== true) {
          this.#watch.ends(step, performance.now() - start);
          return answer;
        }
        last = JSON.stringify(answer);
      } catch (error) {
        // Only what a dead server explains: wrong answers fail.
        if (!isConnectionError(error)) throw error;
        last = error;
        await this.close();
      }
      if (performance.now() - start > PATIENCE_MS)
        throw new InternalError(`${this.name} had no answer to "${step}": ${String(last)}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #connected(): Promise<ProtocolClient> {
    this.#connection ??= await connectClient('v2, 2026-07-28', { kind: 'http', url: this.#url() });
    const { call, capabilities } = this.#connection;
    this.#client ??= new ProtocolClient(this.name, call, capabilities);
    this.#client.reconnect(call);
    return this.#client;
  }
}

const AGAIN: Answer = { ok: false, retryable: true };

function isUnderWay({ ok, status }: Answer): boolean {
  return ok && (status === 'queued' || status === 'running');
}

function expectAnswer(answer: Answer, expected: Readonly<Record<string, unknown>>): void {
  for (const [field, value] of Object.entries(expected)) {
    if (answer[field] !== value)
      throw new InternalError(
        `"${field}" is not ${JSON.stringify(value)} in ${JSON.stringify(answer).slice(0, 500)}`,
      );
  }
}

function expectResult(base64: unknown, expected: string): void {
  const digest = sha256Of(Buffer.from(base64 as string, 'base64'));
  if (digest !== expected) throw new InternalError(`the result is ${digest} instead of ${expected}`);
}

/** As `fetch` and the SDK say that the other end is gone. */
function isConnectionError(error: unknown): boolean {
  const text = String(error instanceof Error ? `${error.message} ${String(error.cause)}` : error);
  return /fetch failed|ECONN|socket|terminated|closed|other side/i.test(text);
}
