/** The least of a client that tests need: signs, calls, checks the answer's signature, and sends files in chunks. */
import type { KeyObject } from 'node:crypto';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { EXTENSION, SIGNATURE_META } from '../protocol/extension.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import {
  decodePublicKey,
  encodePublicKey,
  keyId,
  requestDigest,
  resultSignature,
  signRequest,
  verifyResult,
} from '../protocol/signing.ts';

export interface ToolResult {
  readonly isError?: boolean | undefined;
  readonly content?: unknown;
  readonly structuredContent?: unknown;
  readonly _meta?: Record<string, unknown> | undefined;
}

export interface CallParams {
  name: string;
  arguments: Record<string, unknown>;
  _meta?: Record<string, unknown>;
  [key: string]: unknown;
}

/** `callTool` of any client. */
export type Caller = (params: CallParams) => Promise<ToolResult>;

export type Answer = Record<string, unknown> & { readonly ok: boolean; readonly error_code?: string | null };

export class ProtocolClient {
  readonly clientId: string;
  readonly privateKey: KeyObject;
  token: string | undefined;
  #call: Caller;
  readonly #serverKey: KeyObject;

  /** @param capabilities of the server, as it declared them */
  constructor(clientId: string, call: Caller, capabilities: unknown) {
    this.clientId = clientId;
    this.#call = call;
    this.privateKey = generateKeyPairSync('ed25519').privateKey;
    const settings = (capabilities as { experimental: Record<string, { serverKey: string }> }).experimental[
      EXTENSION
    ];
    this.#serverKey = decodePublicKey(settings!.serverKey);
  }

  /** The same client over another connection. */
  reconnect(call: Caller): void {
    this.#call = call;
  }

  get publicKey(): string {
    return encodePublicKey(createPublicKey(this.privateKey));
  }

  get audience(): string {
    return keyId(this.#serverKey);
  }

  /** Signed; what came back is verified to be the server's answer to exactly this. */
  async call(tool: string, args: Record<string, unknown>): Promise<Answer> {
    const signature = signRequest({ tool, arguments: args }, this.privateKey, this.audience);
    const result = await this.#call({ name: tool, arguments: args, _meta: { [SIGNATURE_META]: signature } });
    const answer = result.structuredContent as Answer;
    const unsigned = result._meta?.[SIGNATURE_META] === undefined;
    // The one answer that is not worth a signature to the server.
    if (unsigned && answer.error_code === 'ERROR_RATE_LIMITED') return answer;
    const signed = resultSignature.parse(result._meta?.[SIGNATURE_META]);
    if (signed.request_digest !== requestDigest({ tool, arguments: args }, signature.nonce)) {
      throw new Error('the answer is to another request');
    }
    if (!verifyResult(answer, signed, this.#serverKey))
      throw new Error('the answer is not signed by the server');
    const [text] = result.content as { text: string }[];
    if (text?.text !== JSON.stringify(answer)) throw new Error('text and structuredContent differ');
    if ((result.isError === true) === answer.ok) throw new Error('isError does not say what ok says');
    return answer;
  }

  /** With credentials. */
  callAs(tool: string, args: Record<string, unknown> = {}): Promise<Answer> {
    return this.call(tool, {
      client_id: this.clientId,
      ...(this.token === undefined ? {} : { auth_token: this.token }),
      ...args,
    });
  }

  async enrol(code?: string): Promise<Answer> {
    const answer = await this.call('enrol_client', {
      client_id: this.clientId,
      public_key: this.publicKey,
      ...(code === undefined ? {} : { enrolment_code: code }),
    });
    if (answer.ok) this.token = answer['auth_token'] as string;
    return answer;
  }

  async provision(keys: Uint8Array, chunkBytes = 2 ** 20): Promise<string> {
    const file = { file_name: 'evaluation.keys', bytes: keys.length, sha256: sha256Of(keys) };
    const begun = await this.callAs('begin_key_provisioning', { files: [file] });
    if (!begun.ok) throw new Error(JSON.stringify(begun));
    const key_ref = begun['key_ref'] as string;
    if (begun['state'] === 'active') return key_ref;
    await this.sendFile('upload_evaluation_key_chunk', { key_ref }, file.file_name, keys, chunkBytes);
    const committed = await this.callAs('commit_evaluation_keys', { key_ref });
    if (!committed.ok) throw new Error(JSON.stringify(committed));
    return key_ref;
  }

  upload(session_id: string, ciphertexts: Uint8Array, chunkBytes = 2 ** 18): Promise<void> {
    return this.sendFile('upload_ciphertext_chunk', { session_id }, 'input.hect', ciphertexts, chunkBytes);
  }

  async sendFile(
    tool: string,
    target: Record<string, unknown>,
    file_name: string,
    bytes: Uint8Array,
    chunkBytes: number,
  ): Promise<void> {
    const total_chunks = Math.ceil(bytes.length / chunkBytes);
    for (let chunk_index = 0; chunk_index < total_chunks; chunk_index++) {
      const chunk = bytes.subarray(chunk_index * chunkBytes, (chunk_index + 1) * chunkBytes);
      const chunk_b64 = Buffer.from(chunk).toString('base64');
      const answer = await this.callAs(tool, { ...target, file_name, chunk_index, total_chunks, chunk_b64 });
      if (!answer.ok) throw new Error(JSON.stringify(answer));
    }
  }
}
