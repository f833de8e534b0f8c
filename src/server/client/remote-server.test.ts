/** What a server can have its client do that does not keep to its own word: a bounded amount of it. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { encodeSignature } from '../protocol/signature-document.ts';
import type { RequestSignature } from '../protocol/signing.ts';
import { encodePublicKey, keyId, requestDigest, signResult } from '../protocol/signing.ts';
import type { Connection, JsonObject } from './connection.ts';
import type { CredentialStore } from './credentials.ts';
import type { RemoteModel } from './remote-model.ts';
import { RemoteServer } from './remote-server.ts';
import { resultBytesBound } from './result-bound.ts';
import type { LocalFile } from './upload-file.ts';
import { digestOfFile } from './upload-file.ts';

const server = generateKeyPairSync('ed25519');
const SERVER_KEY = encodePublicKey(server.publicKey);
const KEY_REF = `hekey:${'0'.repeat(64)}`;
const LATER = '2100-01-01T00:00:00.000Z';
const MODEL: RemoteModel = {
  ...{ model: 'm', algorithmId: 'a', batchSize: 1, parameters: {} },
  signature: encodeSignature(smallArtifact().signature),
};
const BOUND = resultBytesBound(MODEL.signature);

let folder: string;
let file: LocalFile;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-remote-'));
  const path = join(folder, 'f');
  await writeFile(path, Buffer.alloc(1000, 1));
  file = { fileName: 'f', path, ...(await digestOfFile(path)) };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Reply = (tool: string, args: JsonObject) => JsonObject;

/** A server that signs whatever it is told to say, and what it was asked. */
async function hostile(
  reply: Reply,
  patienceMs?: number,
): Promise<{ remote: RemoteServer; asked: string[] }> {
  const own = generateKeyPairSync('ed25519').privateKey;
  const identity = {
    privateKey: own,
    publicKey: encodePublicKey(createPublicKey(own)),
    certificateChain: [],
  };
  const enrolment = { authToken: 't'.repeat(20), expiresAt: Date.parse(LATER), serverKey: SERVER_KEY };
  const asked: string[] = [];
  const connection: Connection = {
    settings: { maxChunkBytes: 400, serverKey: SERVER_KEY },
    call: async (tool, args, meta) => {
      asked.push(tool);
      const structured = reply(tool, args);
      const digest = requestDigest(
        { tool, arguments: args },
        (meta[SIGNATURE_META] as RequestSignature).nonce,
      );
      const signature = signResult(structured, digest, server.privateKey, keyId(server.publicKey));
      return { isError: structured['ok'] === false, structured, meta: { [SIGNATURE_META]: signature } };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const remote = await RemoteServer.open({
    ...{ clientId: 'c', server: 's', retries: { attempts: 2, firstDelayMs: 1, maxDelayMs: 1 } },
    credentials: {
      identity: () => Promise.resolve(identity),
      enrolment: () => Promise.resolve(enrolment),
    } as unknown as CredentialStore,
    connect: () => Promise.resolve(connection),
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  return { remote, asked };
}

const acknowledge = ({ file_name, chunk_index }: JsonObject): JsonObject => ({
  ...{ ok: true, file_name, chunk_index, chunk_bytes: 1, complete: false },
});

function session(status: string, missing: number[][] = []): JsonObject {
  return {
    ...{ ok: true, session_id: 's', status, error_code: null, progress: 0.5, queue_ahead: 0 },
    files: [{ file_name: 'f', total_chunks: 3, received_chunks: 0, received_bytes: 0, missing }],
    ...{ model: 'm', key_ref: KEY_REF, created_at: LATER, expires_at: LATER, requires_decryption: false },
  };
}

function inference(rest: JsonObject, status = 'done'): JsonObject {
  return {
    ...{ ok: true, session_id: 's', status, model: 'm', key_ref: KEY_REF, algorithm_id: 'a' },
    ...{ scheme_context: 'CKKS', expires_at: LATER, requires_decryption: true },
    ...{ error_code: null, noise_budget_remaining: null, computation_depth_used: 1, output_shape: [1] },
    ...rest,
  };
}

it('a model whose name is more than a name is not taken', async () => {
  for (const [model, taken] of [
    ['small', true],
    ['small\nNow do this:', false],
    ['x'.repeat(257), false],
  ] as const) {
    const { remote } = await hostile(() => ({
      ...{ ok: true, model, algorithm_id: 'a', batch_size: 1, signature: MODEL.signature },
    }));
    const described = remote.describe(undefined).then(
      () => true,
      () => false,
    );
    expect(await described).toBe(taken);
  }
});

describe('uploads', () => {
  it('end when a server always misses what it was sent, and when it does not say what it misses', async () => {
    const forgetful = await hostile((tool, args) =>
      tool === 'upload_ciphertext_chunk' ? acknowledge(args) : session('staging', [[0, 2]]),
    );
    await expect(forgetful.remote.uploadInputs('s', [file])).rejects.toThrow(
      'asks again for what it has been sent',
    );
    const chunks = forgetful.asked.filter((tool) => tool === 'upload_ciphertext_chunk');
    expect(chunks.length).toBe(9);

    const vague = await hostile(() => session('staging', [[7, 9]]));
    await expect(vague.remote.uploadInputs('s', [file])).rejects.toThrow('but not what');
    expect(vague.asked).toEqual(['get_session_status']);
  });

  it('of keys alike', async () => {
    const status = {
      ...{ ok: true, key_ref: KEY_REF, client_id: 'c', algorithm_id: 'a', model: 'm', state: 'provisioning' },
      ...{ rejection: null, created_at: LATER, expires_at: LATER, max_chunk_bytes: 400 },
      files: session('staging', [[0, 2]])['files'],
    };
    const { remote, asked } = await hostile((tool, args) =>
      tool === 'upload_evaluation_key_chunk' ? acknowledge(args) : status,
    );
    await expect(remote.provisionKeys(MODEL, [file])).rejects.toThrow('asks again for what it has been sent');
    expect(asked.filter((tool) => tool === 'upload_evaluation_key_chunk').length).toBe(9);
  });
});

describe('a result', () => {
  const announce = (bytes: number, rest: JsonObject): JsonObject =>
    inference({ encrypted_logit_bytes: bytes, encrypted_logit_sha256: sha256Of(Buffer.alloc(0)), ...rest });

  it('larger than what the model gives is not fetched', async () => {
    const { remote, asked } = await hostile(() => announce(BOUND + 1, { result_chunks: 65_536 }));
    await expect(remote.infer('s', MODEL, KEY_REF)).rejects.toThrow(`gives ${BOUND} at most`);
    expect(asked).toEqual(['remote_inference_cnn']);
  });

  it('is fetched no further than it was announced, and not in chunks of nothing', async () => {
    for (const [content, fetched] of [
      [Buffer.alloc(60), 2],
      [Buffer.alloc(0), 1],
    ] as const) {
      const { remote, asked } = await hostile((tool) =>
        tool === 'get_inference_result'
          ? { ok: true, chunk_b64: content.toString('base64') }
          : announce(100, { result_chunks: 1000 }),
      );
      await expect(remote.infer('s', MODEL, KEY_REF)).rejects.toThrow('not the one that was announced');
      expect(asked.filter((tool) => tool === 'get_inference_result').length).toBe(fetched);
    }
  });

  it('of up to what the model gives is taken, and of a model that is none nothing is asked', async () => {
    const bytes = Buffer.alloc(BOUND, 7);
    const good = inference({
      ...{ encrypted_logit_bytes: BOUND, encrypted_logit_sha256: sha256Of(bytes) },
      encrypted_logit_b64: bytes.toString('base64'),
    });
    const { remote } = await hostile(() => good);
    expect(bytes.equals((await remote.infer('s', MODEL, KEY_REF)).bytes)).toBe(true);
    const { remote: other, asked } = await hostile(() => good);
    await expect(other.infer('s', { ...MODEL, signature: {} }, KEY_REF)).rejects.toThrow('damaged');
    expect(asked).toEqual([]);
  });

  it('that never comes is given up, however often the server says that it is at work', async () => {
    const { remote, asked } = await hostile(
      (tool) => (tool === 'get_session_status' ? session('running') : inference({}, 'running')),
      1,
    );
    await expect(remote.infer('s', MODEL, KEY_REF)).rejects.toMatchObject({ code: 'ERROR_TIMEOUT' });
    expect(asked).toEqual(['remote_inference_cnn', 'get_session_status']);
  });
});
