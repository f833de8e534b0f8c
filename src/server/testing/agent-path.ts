/**
 * What an agent does that takes every step by itself: the local server makes keys, encrypts and decrypts, the remote server
 * evaluates, and a program between them moves files. Only tool calls; the secret key stays with the local server.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Connection } from './mcp-clients.ts';
import type { Answer } from './protocol-client.ts';
import { ProtocolClient } from './protocol-client.ts';

const files = z
  .array(z.object({ file_name: z.string(), path: z.string(), bytes: z.int(), sha256: z.string() }))
  .min(1);
const described = z.looseObject({ model: z.string(), algorithm_id: z.string() });
const generated = z.looseObject({ key_set: z.string(), files });
const encrypted = z.looseObject({ files });
const provisioning = z.looseObject({ key_ref: z.string() });
const committed = z.looseObject({ key_ref: z.string(), state: z.literal('active') });
const evaluated = z.looseObject({
  encrypted_logit_b64: z.string().optional(),
  result_chunks: z.int().optional(),
  requires_decryption: z.literal(true),
  profile: z.object({ infer_s: z.number() }),
});
const resultChunk = z.looseObject({ chunk_b64: z.string() });
const decrypted = z.looseObject({
  logits: z.array(z.number()),
  class: z.object({ index: z.int() }),
  requires_decryption: z.literal(false),
});

const classified = decrypted.extend({ profile: z.looseObject({ infer_s: z.number() }) });

export interface Classification {
  readonly logits: readonly number[];
  readonly winner: number;
  /** As the server states it. */
  readonly evaluationMs: number;
  /** Steps 1 to 6. */
  readonly totalMs: number;
}

export interface AgentOptions {
  readonly local: Connection;
  readonly remote: Connection;
  readonly clientId: string;
  /** Below a root of the local server; for what is moved. */
  readonly folder: string;
  readonly chunkBytes?: number;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #client: ProtocolClient;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#client = new ProtocolClient(options.clientId, options.remote.call, options.remote.capabilities);
  }

  /** Steps 0 to 6 for each file. @throws Error with the answer that was a failure */
  async classify(images: readonly string[]): Promise<Classification[]> {
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true });
    // Both clients hold what they receive against the output schemas that they have seen.
    await Promise.all([this.#options.local.toolNames(), this.#options.remote.toolNames()]);
    const keys = await this.#provideKeys();
    const results: Classification[] = [];
    for (const [i, image] of images.entries()) results.push(await this.#classify(image, `image-${i}`, keys));
    return results;
  }

  /** Step 0. */
  async #provideKeys(): Promise<{ keySet: string; keyRef: string; model: string }> {
    const { folder, clientId } = this.#options;
    const description = await this.#client.call('describe_model', { include_signature: true });
    const { model, algorithm_id } = described.parse(succeeded(description));
    const signature_path = join(folder, 'model.json');
    await writeFile(signature_path, JSON.stringify(description));
    const keys = generated.parse(await this.#local('fhe_keygen', { client_id: clientId, signature_path }));
    succeeded(await this.#client.enrol());
    const announced = keys.files.map(({ file_name, bytes, sha256 }) => ({ file_name, bytes, sha256 }));
    const begun = await this.#remote('begin_key_provisioning', { model, algorithm_id, files: announced });
    const { key_ref } = provisioning.parse(begun);
    for (const { file_name, path } of keys.files)
      await this.#send('upload_evaluation_key_chunk', { key_ref }, file_name, path);
    const { key_ref: keyRef } = committed.parse(await this.#remote('commit_evaluation_keys', { key_ref }));
    return { keySet: keys.key_set, keyRef, model };
  }

  /** Steps 1 to 6. */
  async #classify(
    image_path: string,
    session_id: string,
    { keySet, keyRef, model }: { keySet: string; keyRef: string; model: string },
  ): Promise<Classification> {
    const { folder, clientId: client_id } = this.#options;
    const start = performance.now();
    const session_dir = join(folder, session_id);
    const input = encrypted.parse(
      await this.#local('fhe_encrypt', { client_id, image_path, session_dir, key_set: keySet }),
    );
    for (const { file_name, path } of input.files)
      await this.#send('upload_ciphertext_chunk', { session_id }, file_name, path);
    const answer = evaluated.parse(
      await this.#remote('remote_inference_cnn', { session_id, model, key_ref: keyRef }),
    );
    const encrypted_logit_path = join(session_dir, 'result.hect');
    await writeFile(encrypted_logit_path, await this.#resultOf(session_id, answer));
    const result = decrypted.parse(
      await this.#local('fhe_decrypt', { client_id, encrypted_logit_path, key_set: keySet }),
    );
    return {
      logits: result.logits,
      winner: result.class.index,
      evaluationMs: 1000 * answer.profile.infer_s,
      totalMs: performance.now() - start,
    };
  }

  async #resultOf(session_id: string, answer: z.infer<typeof evaluated>): Promise<Buffer> {
    if (answer.encrypted_logit_b64 !== undefined) return Buffer.from(answer.encrypted_logit_b64, 'base64');
    const chunks: Buffer[] = [];
    for (let chunk_index = 0; chunk_index < (answer.result_chunks ?? 0); chunk_index++) {
      const chunk = await this.#remote('get_inference_result', { session_id, chunk_index });
      chunks.push(Buffer.from(resultChunk.parse(chunk).chunk_b64, 'base64'));
    }
    return Buffer.concat(chunks);
  }

  async #send(tool: string, target: Record<string, unknown>, fileName: string, path: string): Promise<void> {
    const chunkBytes = this.#options.chunkBytes ?? 2 ** 22;
    await this.#client.sendFile(tool, target, fileName, await readFile(path), chunkBytes);
  }

  async #remote(tool: string, args: Record<string, unknown>): Promise<Answer> {
    return succeeded(await this.#client.callAs(tool, args));
  }

  async #local(tool: string, args: Record<string, unknown>): Promise<Answer> {
    const { structuredContent } = await this.#options.local.call({ name: tool, arguments: args });
    return succeeded(structuredContent as Answer);
  }
}

/** @param server as the local server names it */
export async function classifyInOneCall(
  local: Connection,
  server: string,
  images: readonly string[],
): Promise<Classification[]> {
  await local.toolNames();
  const results: Classification[] = [];
  for (const image_path of images) {
    const start = performance.now();
    const call = { name: 'fhe_classify_file', arguments: { image_path, server } };
    const answer = classified.parse(succeeded((await local.call(call)).structuredContent as Answer));
    results.push({
      logits: answer.logits,
      winner: answer.class.index,
      evaluationMs: 1000 * answer.profile.infer_s,
      totalMs: performance.now() - start,
    });
  }
  return results;
}

function succeeded(answer: Answer): Answer {
  if (!answer.ok) throw new Error(JSON.stringify(answer));
  return answer;
}
