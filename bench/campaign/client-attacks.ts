/** What an enrolled client that means harm may send, by kind, beside all that strangers may. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { SIGNATURE_META } from '../../src/server/protocol/extension.ts';
import { keyReferenceOf } from '../../src/server/inference/key-sets.ts';
import { sha256Of } from '../../src/server/protocol/identifiers.ts';
import { encodePublicKey, signRequest } from '../../src/server/protocol/signing.ts';
import type { ProtocolClient } from '../../src/server/testing/protocol-client.ts';
import type { KeyFile } from '../../src/server/storage/records.ts';
import type { HostileRequest } from './hostile-request.ts';
import { toolCall } from './messages.ts';
import type { Attacks } from './stranger-attacks.ts';

/** Keys and a ciphertext of its own that are as they should be: what it asks for with them costs as much as honest requests. */
export interface Belongings {
  readonly algorithmId: string;
  readonly keyRef: string;
  readonly keys: Uint8Array;
  readonly input: Uint8Array;
}

const MIB = 2 ** 20;
const LARGEST_CHUNK_BYTES = 8 * MIB;
const GARBAGE_BYTES = 32 * 1024;

export const CLIENT_KINDS = [
  'sessions of others',
  'keys of others',
  'chunks that are no Base64',
  'chunks of garbage, without end',
  'the same chunk with other bytes',
  'chunks of the largest size',
  'key chunks of the largest size',
  'chunks that are too large',
  'one chunk of 65,536',
  'status of many gaps',
  'cancel and discard',
  'keys announced and revoked',
  'keys of garbage',
  'inference without inputs',
  'inference of garbage',
  'evaluations without end',
  'large arguments',
  'describe_model',
  'renewed enrolments',
  'replayed requests',
  'signatures of other requests',
  'token in the header',
] as const;

/** Of them, what takes megabytes. */
export const LARGE_KINDS: readonly string[] = [
  'chunks of the largest size',
  'key chunks of the largest size',
  'chunks that are too large',
];

export function clientAttacks(
  client: ProtocolClient,
  victim: string,
  own: Belongings,
): Readonly<Record<(typeof CLIENT_KINDS)[number], Attacks[string]>> {
  const identity = { client_id: client.clientId, auth_token: client.token };
  const signedAs = (tool: string, args: Record<string, unknown>, signedTool = tool): HostileRequest => {
    const call = { tool: signedTool, arguments: args };
    const signature = signRequest(call, client.privateKey, client.audience);
    return toolCall(tool, args, { [SIGNATURE_META]: signature });
  };
  const signed = (tool: string, args: Record<string, unknown>): HostileRequest =>
    signedAs(tool, { ...identity, ...args });
  const withHeader = (request: HostileRequest): HostileRequest => ({
    ...request,
    headers: { ...request.headers, Authorization: `Bearer ${client.token}` },
  });
  const chunk = (session_id: string, bytes: string, more = {}): HostileRequest =>
    signed('upload_ciphertext_chunk', {
      ...{ session_id, file_name: 'input.hect', chunk_index: 0, total_chunks: 1, chunk_b64: bytes },
      ...more,
    });
  const garbage = randomBytes(64 * 1024).toString('base64');
  const largest = randomBytes(LARGEST_CHUNK_BYTES).toString('base64');
  const tooLarge = randomBytes(9 * MIB).toString('base64');
  const input = Buffer.from(own.input).toString('base64');
  const replayed = signed('get_key_status', { key_ref: own.keyRef });
  const otherKey = encodePublicKey(generateKeyPairSync('ed25519').publicKey);
  let n = 0;
  const fresh = (): string => `hostile-${n++}`;
  const reference = (file: KeyFile): string => keyReferenceOf(client.clientId, own.algorithmId, [file]);
  return {
    'sessions of others': () => signed('get_inference_result', { client_id: victim, session_id: 's' }),
    'keys of others': () => signed('revoke_evaluation_keys', { client_id: victim, key_ref: own.keyRef }),
    'chunks that are no Base64': () => chunk(fresh(), '!'.repeat(1000)),
    'chunks of garbage, without end': () => chunk(fresh(), garbage),
    'the same chunk with other bytes': () => chunk('conflict', randomBytes(1000).toString('base64')),
    'chunks of the largest size': () => chunk(fresh(), largest),
    'key chunks of the largest size': largestKeyChunks(signed, reference, own.keys.length, largest),
    'chunks that are too large': () => chunk(fresh(), tooLarge),
    'one chunk of 65,536': () =>
      chunk('sparse', garbage.slice(0, 400), { total_chunks: 65_536, chunk_index: (n++ * 2) % 65_536 }),
    'status of many gaps': () => signed('get_session_status', { session_id: 'sparse' }),
    'cancel and discard': () =>
      signed('cancel_inference', { session_id: `hostile-${Math.floor(n / 2)}`, discard: true }),
    'keys announced and revoked': revokedKeySets(signed, reference),
    'keys of garbage': garbageKeySets(signed, reference, own.keys),
    'inference without inputs': () => signed('remote_inference_cnn', { session_id: fresh() }),
    'inference of garbage': () =>
      signed('remote_inference_cnn', { session_id: `hostile-${n >> 1}`, async: true }),
    'evaluations without end': realEvaluations(signed, input, own.keyRef),
    'large arguments': () =>
      toolCall('list_models', { auth_token: client.token, surprise: 'x'.repeat(300_000) }),
    describe_model: () => withHeader(toolCall('describe_model', { include_signature: true })),
    // With another key: with its own it would be given another token, and this one would be void.
    'renewed enrolments': () =>
      signedAs('enrol_client', { client_id: client.clientId, public_key: otherKey }),
    'replayed requests': () => replayed,
    'signatures of other requests': () => signedAs('cancel_inference', { ...identity, session_id: 's' }, 'x'),
    'token in the header': () => withHeader(chunk(fresh(), '!'.repeat(200_000))),
  };
}

type Sign = (tool: string, args: Record<string, unknown>) => HostileRequest;

/** Announced, sent and committed in turn: each has a process started, which finds out that they are none. */
function garbageKeySets(
  signed: Sign,
  reference: (file: KeyFile) => string,
  keys: Uint8Array,
): () => HostileRequest {
  const fileName = 'evaluation.keys';
  let step = 0;
  let bytes = Buffer.alloc(0);
  let file: KeyFile = { fileName, bytes: 0, sha256: '' };
  return () => {
    const key_ref = reference(file);
    switch (step++ % 3) {
      case 0:
        bytes = Buffer.concat([keys.subarray(0, GARBAGE_BYTES), randomBytes(GARBAGE_BYTES)]);
        file = { fileName, bytes: bytes.length, sha256: sha256Of(bytes) };
        return signed('begin_key_provisioning', {
          files: [{ file_name: fileName, bytes: file.bytes, sha256: file.sha256 }],
        });
      case 1:
        return signed('upload_evaluation_key_chunk', {
          ...{ key_ref, file_name: fileName, chunk_index: 0, total_chunks: 1 },
          chunk_b64: bytes.toString('base64'),
        });
      default:
        return signed('commit_evaluation_keys', { key_ref });
    }
  };
}

/** As many sets as may be, as large as they may be, and sent again from the beginning. */
function largestKeyChunks(
  signed: Sign,
  reference: (file: KeyFile) => string,
  bytes: number,
  chunk_b64: string,
): () => HostileRequest {
  const fileName = 'evaluation.keys';
  const total_chunks = Math.floor(bytes / LARGEST_CHUNK_BYTES);
  let chunk_index = total_chunks;
  let file: KeyFile = { fileName, bytes, sha256: '' };
  return () => {
    if (chunk_index < total_chunks) {
      const target = { key_ref: reference(file), file_name: fileName };
      const chunk = { chunk_index: chunk_index++, total_chunks, chunk_b64 };
      return signed('upload_evaluation_key_chunk', { ...target, ...chunk });
    }
    chunk_index = 0;
    file = { fileName, bytes, sha256: sha256Of(randomBytes(8)) };
    return signed('begin_key_provisioning', {
      files: [{ file_name: fileName, bytes, sha256: file.sha256 }],
    });
  };
}

/** Announced and revoked in turn: a quota of sets does not end it, and each leaves a record. */
function revokedKeySets(signed: Sign, reference: (file: KeyFile) => string): () => HostileRequest {
  const fileName = 'k';
  let step = 0;
  let file: KeyFile = { fileName, bytes: MIB, sha256: '' };
  return () => {
    if (step++ % 2 === 1) return signed('revoke_evaluation_keys', { key_ref: reference(file) });
    file = { fileName, bytes: MIB, sha256: sha256Of(randomBytes(8)) };
    return signed('begin_key_provisioning', {
      files: [{ file_name: fileName, bytes: file.bytes, sha256: file.sha256 }],
    });
  };
}

/** Uploads an input and has it evaluated, in turn, without waiting. */
function realEvaluations(signed: Sign, chunk_b64: string, key_ref: string): () => HostileRequest {
  let step = 0;
  return () => {
    const session_id = `evaluated-${step >> 1}`;
    return step++ % 2 === 0
      ? signed('upload_ciphertext_chunk', {
          ...{ session_id, file_name: 'input.hect', chunk_index: 0, total_chunks: 1 },
          chunk_b64,
        })
      : signed('remote_inference_cnn', { session_id, key_ref, async: true });
  };
}
