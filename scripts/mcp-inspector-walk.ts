/** Steps 0 to 6 as single tool calls, so that each tool of both servers is called once with arguments that it accepts. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export type Arguments = Record<string, unknown>;
/** `structuredContent` of a call that went well. */
export type CallTool = (tool: string, args: Arguments) => Promise<unknown>;

export interface Walk {
  readonly remote: CallTool;
  readonly local: CallTool;
  /** The same remote server without the Inspector: its arguments stand on a command line, where no megabytes fit. */
  readonly bulk: CallTool;
  readonly clientId: string;
  /** As the local server names the remote one. */
  readonly serverName: string;
  readonly image: string;
  /** Below a root of the local server. */
  readonly folder: string;
}

/** Linux takes 128 KiB for one argument of a process, and Base64 adds a third. */
const FIRST_CHUNK_BYTES = 64 * 1024;
const CHUNK_BYTES = 2 ** 22;

const fileEntry = z.object({ file_name: z.string(), path: z.string(), bytes: z.int(), sha256: z.string() });
const withFiles = z.looseObject({ files: z.array(fileEntry).min(1) });
const keySet = withFiles.extend({ key_set: z.string() });
const enrolment = z.looseObject({ auth_token: z.string() });
const reference = z.looseObject({ key_ref: z.string() });
const chunkOfResult = z.looseObject({ chunk_b64: z.string(), total_chunks: z.literal(1) });

/** @returns the class that the decrypted result names */
export async function walk(options: Walk): Promise<number> {
  const { remote, local, clientId: client_id, serverName: server, image: image_path, folder } = options;
  await mkdir(folder, { recursive: true });
  await remote('list_models', {});
  const signature_path = join(folder, 'model.json');
  const description = await remote('describe_model', { include_signature: true });
  await writeFile(signature_path, JSON.stringify(description));
  await local('fhe_list_servers', {});
  const keys = keySet.parse(await local('fhe_keygen', { client_id, signature_path }));
  const { auth_token } = enrolment.parse(await remote('enrol_client', { client_id }));
  const own = { client_id, auth_token };

  const files = keys.files.map(({ file_name, bytes, sha256 }) => ({ file_name, bytes, sha256 }));
  const { key_ref } = reference.parse(await remote('begin_key_provisioning', { ...own, files }));
  await upload(options, 'upload_evaluation_key_chunk', { ...own, key_ref }, keys.files);
  await remote('commit_evaluation_keys', { ...own, key_ref });
  await remote('get_key_status', own);

  const session_dir = join(folder, 'session');
  const encrypt = { client_id, image_path, session_dir, key_set: keys.key_set };
  const input = withFiles.parse(await local('fhe_encrypt', encrypt));
  const session = { ...own, session_id: 'inspected' };
  await upload(options, 'upload_ciphertext_chunk', session, input.files);
  await remote('remote_inference_cnn', session);
  await remote('remote_inference', session);
  await remote('get_session_status', session);
  const result = chunkOfResult.parse(await remote('get_inference_result', session));
  const encrypted_logit_path = join(session_dir, 'result.hect');
  await writeFile(encrypted_logit_path, Buffer.from(result.chunk_b64, 'base64'));
  const decrypt = { client_id, encrypted_logit_path, key_set: keys.key_set };
  const decrypted = await local('fhe_decrypt', decrypt);

  await local('fhe_classify_file', { client_id: `${client_id}-in-one-call`, image_path, server });
  // Where each call is a process of its own, nothing is at work by the next.
  const begun = { client_id: `${client_id}-in-the-background`, session_id: 'inspected' };
  await local('fhe_start_classification', { ...begun, image_path, server });
  await local('fhe_session_status', { client_id: begun.client_id });
  await local('fhe_cancel_session', begun);
  await local('fhe_list_keys', {});
  await remote('cancel_inference', { ...session, discard: true });
  await remote('revoke_evaluation_keys', { ...own, key_ref });
  await local('fhe_delete_keys', { client_id, key_set: keys.key_set });
  return z.looseObject({ class: z.object({ index: z.int() }) }).parse(decrypted).class.index;
}

/** The first chunk by the Inspector; chunks may have any sizes. */
async function upload(
  { remote, bulk }: Walk,
  tool: string,
  target: Arguments,
  files: readonly z.infer<typeof fileEntry>[],
): Promise<void> {
  for (const { file_name, path } of files) {
    const bytes = await readFile(path);
    const starts = [0];
    for (let at = FIRST_CHUNK_BYTES; at < bytes.length; at += CHUNK_BYTES) starts.push(at);
    for (const [chunk_index, start] of starts.entries()) {
      const chunk_b64 = bytes.subarray(start, starts[chunk_index + 1]).toString('base64');
      const args = { ...target, file_name, chunk_index, total_chunks: starts.length, chunk_b64 };
      await (chunk_index === 0 ? remote : bulk)(tool, args);
    }
  }
}
