/** Every message of both servers in a good form, for damage to be done to. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecretClient } from '../../runtime/client/secret-client.ts';
import { encodeCiphertextSet } from '../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { REMOTE_TOOLS } from '../inference/tools/registry.ts';
import { LOCAL_TOOLS } from '../crypto/tools/registry.ts';
import { encodeSignature } from '../protocol/signature-document.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { signRequest } from '../protocol/signing.ts';
import type { Message } from './mutation-campaign.ts';
import { mutateBytes, mutateJson } from './mutations.ts';
import type { Answer } from './protocol-client.ts';
import { ProtocolClient } from './protocol-client.ts';
import type { Connection } from './mcp-clients.ts';
import type { TestModel } from './served-model.ts';
import { digit } from './served-model.ts';

export const MESSAGE_KINDS = ['arguments', 'arguments', 'arguments', 'envelope', 'bytes', 'headers'] as const;
const NO_ARGUMENTS = ['envelope', 'bytes', 'headers'] as const;
const CHUNK = 2 ** 20;

/** Methods that are no tools. */
const PLAIN: readonly Message[] = [
  {
    name: 'initialize',
    method: 'initialize',
    kinds: NO_ARGUMENTS,
    params: () => ({
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'mutations', version: '1' },
    }),
  },
  { name: 'tools/list', method: 'tools/list', kinds: NO_ARGUMENTS, params: () => ({}) },
];

export function everyToolOnce(
  messages: readonly Message[],
  tools: readonly { readonly name: string }[],
): Message[] {
  const missing = tools.filter(({ name }) => !messages.some((message) => message.name === name));
  if (missing.length > 0) throw new Error(`no message for ${missing.map(({ name }) => name).join(', ')}`);
  return [...PLAIN, ...messages];
}

/** @param connection of a good client, which prepares what the messages name and sends damaged files */
export async function inferenceMessages(
  connection: Connection,
  model: TestModel,
  secret: SecretClient,
): Promise<{ messages: readonly Message[]; owner: ProtocolClient }> {
  const owner = new ProtocolClient('owner', connection.call, connection.capabilities);
  const attacker = new ProtocolClient('attacker', connection.call, connection.capabilities);
  await owner.enrol();
  await attacker.enrol();
  // What damaged announcements leave behind would use up the quota of whoever sends files after them.
  const keySender = new ProtocolClient('key-sender', connection.call, connection.capabilities);
  await keySender.enrol();
  const keys = await secret.makeEvaluationKeys();
  const set = await secret.encrypt([await digit(model.artifact, '3-0')]);
  const ciphertexts = encodeCiphertextSet(set);
  for (const client of [owner, attacker]) {
    await client.provision(encodeEvaluationKeys(keys));
    await client.upload('ready', ciphertexts);
    const done = await client.callAs('remote_inference_cnn', { session_id: 'ready' });
    if (!done.ok) throw new Error(JSON.stringify(done));
  }
  const { key_ref } = await attacker.callAs('get_key_status');
  const { coeff_modulus, ...rest } = model.artifact.negotiation;
  const negotiation = { ...rest, coeff_modulus: [...coeff_modulus] };

  const seal = (params: Record<string, unknown>): Record<string, unknown> => {
    const call = { tool: params['name'] as string, arguments: params['arguments'] };
    return { ...params, _meta: { [SIGNATURE_META]: signOrNot(call, attacker) } };
  };
  const tool = (name: string, args: () => Record<string, unknown>, credentials = true): Message => ({
    name,
    method: 'tools/call',
    kinds: MESSAGE_KINDS,
    seal,
    params: () => ({
      name,
      arguments: {
        ...(credentials ? { client_id: 'attacker', auth_token: attacker.token } : {}),
        ...args(),
      },
    }),
  });
  const chunk = {
    file_name: 'input.hect',
    chunk_index: 0,
    total_chunks: 2,
    chunk_b64: randomBytes(300).toString('base64'),
    chunk_sha256: sha256Of(randomBytes(300)),
  };
  const fresh = (): string => `hekey:${randomBytes(32).toString('hex')}`;
  const messages: readonly Message[] = [
    tool('list_models', () => ({}), false),
    tool(
      'describe_model',
      () => ({ model: model.artifact.signature.model, include_signature: false }),
      false,
    ),
    // Under a name of its own: whoever renews a token ends the former one.
    tool(
      'enrol_client',
      () => ({ client_id: 'newcomer', public_key: attacker.publicKey, enrolment_code: 'x'.repeat(20) }),
      false,
    ),
    tool('begin_key_provisioning', () => ({
      files: [{ file_name: 'k', bytes: 1000, sha256: sha256Of(randomBytes(8)) }],
      ...negotiation,
    })),
    tool('upload_evaluation_key_chunk', () => ({ ...chunk, key_ref })),
    tool('commit_evaluation_keys', () => ({ key_ref })),
    tool('get_key_status', () => ({ key_ref })),
    tool('upload_ciphertext_chunk', () => ({ ...chunk, session_id: 'bits', ...negotiation })),
    tool('remote_inference_cnn', () => ({ session_id: 'ready', omp_threads: 1, ...negotiation })),
    tool('remote_inference', () => ({ session_id: 'ready', omp_threads: 1 })),
    tool('get_session_status', () => ({ session_id: 'ready' })),
    tool('get_inference_result', () => ({ session_id: 'ready', chunk_index: 0 })),
    tool('cancel_inference', () => ({ session_id: 'none', discard: true })),
    tool('revoke_evaluation_keys', () => ({ key_ref: fresh() })),
    {
      ...tool('ciphertext file', () => ({})),
      every: 4,
      kinds: ['payload'] as const,
      payload: async ({ edits }) => {
        // In the container, which has a digest, or inside of it, where the library reads.
        const bytes =
          edits[0]!.at < 0.5
            ? mutateBytes(ciphertexts, edits)
            : encodeCiphertextSet({
                ...set,
                tensors: set.tensors.map((tensor) => ({
                  ...tensor,
                  ciphertexts: tensor.ciphertexts.map((c, i) => (i === 0 ? mutateBytes(c, edits) : c)),
                })),
              });
        const session_id = `file-${randomBytes(6).toString('hex')}`;
        const sent = await sendAll(owner, 'upload_ciphertext_chunk', { session_id }, bytes);
        const answer = sent ?? (await owner.callAs('remote_inference_cnn', { session_id }));
        await owner.callAs('cancel_inference', { session_id, discard: true });
        return answer;
      },
    },
    {
      ...tool('evaluation key file', () => ({})),
      every: 20,
      kinds: ['payload'] as const,
      payload: async ({ edits }) => {
        const whole = keys.rotations.map((key, i) =>
          i === Math.floor(edits[0]!.at * keys.rotations.length)
            ? { ...key, bytes: mutateBytes(key.bytes, edits) }
            : key,
        );
        const bytes =
          edits[0]!.at < 0.5
            ? mutateBytes(encodeEvaluationKeys(keys), edits)
            : encodeEvaluationKeys({ ...keys, rotations: whole });
        const files = [{ file_name: 'k', bytes: Math.max(1, bytes.length), sha256: sha256Of(bytes) }];
        const begun = await keySender.callAs('begin_key_provisioning', { files });
        if (!begun.ok) return begun;
        const { key_ref: reference } = begun;
        const sent = await sendAll(keySender, 'upload_evaluation_key_chunk', { key_ref: reference }, bytes);
        const answer = sent ?? (await keySender.callAs('commit_evaluation_keys', { key_ref: reference }));
        await keySender.callAs('revoke_evaluation_keys', { key_ref: reference });
        return answer;
      },
    },
  ];
  return { messages: everyToolOnce(messages, REMOTE_TOOLS), owner };
}

/** What cannot be signed goes out with the signature of something else. */
export function signOrNot(
  call: { tool: string; arguments: unknown },
  { privateKey, audience }: ProtocolClient,
): unknown {
  try {
    return signRequest(call, privateKey, audience);
  } catch {
    return signRequest({ ...call, arguments: {} }, privateKey, audience);
  }
}

/** @returns the first refusal, or null */
async function sendAll(
  client: ProtocolClient,
  tool: string,
  target: Record<string, unknown>,
  bytes: Uint8Array,
): Promise<Answer | null> {
  const total_chunks = Math.max(1, Math.ceil(bytes.length / CHUNK));
  for (let chunk_index = 0; chunk_index < total_chunks; chunk_index++) {
    const piece = bytes.subarray(chunk_index * CHUNK, (chunk_index + 1) * CHUNK);
    const chunk_b64 = Buffer.from(piece).toString('base64');
    const answer = await client.callAs(tool, {
      ...target,
      file_name: 'k',
      chunk_index,
      total_chunks,
      chunk_b64,
    });
    if (!answer.ok) return answer;
  }
  return null;
}

export type LocalCall = (tool: string, args: Record<string, unknown>) => Promise<Answer>;

/**
 * @param root an allowed folder
 * @param pictures of the digit in every format that is taken
 */
export async function localMessages(
  call: LocalCall,
  model: TestModel,
  root: string,
  pictures: readonly string[],
): Promise<readonly Message[]> {
  const client_id = 'agent';
  const artifact = join(root, 'model.hemodel');
  await writeFile(artifact, await readFile(model.file));
  const made = await call('fhe_keygen', { client_id, artifact_path: artifact });
  if (!made.ok) throw new Error(JSON.stringify(made));
  const key_set = made['key_set'] as string;
  const session_dir = join(root, 'session');
  const encrypted = await call('fhe_encrypt', { client_id, image_path: pictures[0]!, session_dir });
  if (!encrypted.ok) throw new Error(JSON.stringify(encrypted));
  const result = join(session_dir, 'input.hect');
  const resultBytes = await readFile(result);
  // Keys take seconds to make: the document asks for more security than it has, which is found out last.
  const signature = encodeSignature(model.artifact.signature);
  const weak = { ...signature, parameters: { ...signature.parameters, securityLevel: 256 } };
  const document = join(root, 'weak.json');
  await writeFile(document, JSON.stringify({ signature: weak, batch_size: 1 }));

  const tool = (name: string, args: Record<string, unknown>): Message => ({
    name,
    method: 'tools/call',
    kinds: MESSAGE_KINDS,
    params: () => ({ name, arguments: { ...args } }),
  });
  const file = (name: string, payload: NonNullable<Message['payload']>): Message => ({
    ...tool(name, {}),
    kinds: ['payload'] as const,
    payload,
  });
  const messages = [
    tool('fhe_classify_file', { image_path: pictures[0], server: 'none', client_id, top_k: 3 }),
    tool('fhe_start_classification', { image_path: pictures[0], server: 'none', client_id }),
    tool('fhe_session_status', { client_id, session_id: 'none' }),
    tool('fhe_cancel_session', { client_id, session_id: 'none' }),
    tool('fhe_list_servers', {}),
    tool('fhe_keygen', { client_id, signature_path: document }),
    tool('fhe_encrypt', { client_id, image_path: pictures[0], session_dir, key_set }),
    tool('fhe_decrypt', { client_id, encrypted_logit_path: result, key_set, top_k: 3 }),
    tool('fhe_list_keys', { client_id }),
    tool('fhe_delete_keys', { client_id: 'nobody', key_set }),
    tool('fetch_global_model', { server: 'none', client_id, folder: session_dir, version: 0 }),
    tool('prepare_update', { server: 'none', client_id, delta_path: pictures.at(-1) }),
    tool('contribute', { server: 'none', client_id, update_id: '0'.repeat(24), wait: false }),
    tool('privacy_ledger', {}),
    file('signature file', async ({ edits }) => {
      const text = JSON.stringify({ signature: mutateJson(weak, edits), batch_size: 1 });
      const path = join(root, 'damaged.json');
      await writeFile(path, edits[0]!.at < 0.5 ? text : mutateBytes(Buffer.from(text), edits));
      return call('fhe_keygen', { client_id, signature_path: path });
    }),
    file('artifact file', async ({ edits }) => {
      const path = join(root, 'damaged.hemodel');
      await writeFile(path, mutateBytes(await readFile(artifact), edits));
      return call('fhe_keygen', { client_id: 'damaged', artifact_path: path });
    }),
    file('result file', async ({ edits }) => {
      const path = join(root, 'damaged.hect');
      await writeFile(path, mutateBytes(resultBytes, edits));
      return call('fhe_decrypt', { client_id, encrypted_logit_path: path });
    }),
    ...pictures.map((picture) =>
      file(`${picture.slice(picture.lastIndexOf('.'))} file`, async ({ edits }) => {
        const path = join(root, `damaged${picture.slice(picture.lastIndexOf('.'))}`);
        await writeFile(path, mutateBytes(await readFile(picture), edits));
        return call('fhe_encrypt', { client_id, image_path: path, session_dir });
      }),
    ),
  ];
  return everyToolOnce(messages, LOCAL_TOOLS);
}
