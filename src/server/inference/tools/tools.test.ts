/** What each tool answers, held against the schema that it states; no transport, and no process evaluates. */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ToolError } from '../../protocol/error-codes.ts';
import { SIGNATURE_META } from '../../protocol/extension.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import { decodeSignature } from '../../protocol/signature-document.ts';
import { encodePublicKey, signRequest } from '../../protocol/signing.ts';
import { type CallContext, inputSchemaOf, outputSchemaOf } from '../../protocol/tool.ts';
import { DONE, type EvaluationWorld, evaluationWorld, keyFile } from '../../testing/evaluation-world.ts';
import { REMOTE_TOOLS } from './registry.ts';
import { resultKeyOf } from '../session-outcome.ts';

type Json = Record<string, unknown>;

let world: EvaluationWorld;
let token: string;
beforeEach(async () => {
  world = await evaluationWorld({ maxInlineResultBytes: 4 });
  token = String((await call('enrol_client', { client_id: 'client' }))['auth_token']);
});
afterEach(() => world[Symbol.asyncDispose]());

/** Input and answer are held against the tool's schemas. */
async function call(name: string, input: Json, context: Partial<CallContext> = {}): Promise<Json> {
  const tool = REMOTE_TOOLS.find((each) => each.name === name)!;
  const full: CallContext = {
    signal: new AbortController().signal,
    progress: () => undefined,
    bearer: null,
    origin: 'test',
    vouch: () => undefined,
    received: { tool: name, arguments: input },
    meta: {},
    ...context,
  };
  const answer = await tool.run(tool.input.parse(input), world.services, full);
  expect(tool.output.parse(answer)).toMatchObject(answer);
  return answer as Json;
}

const own = (input: Json = {}): Json => ({ client_id: 'client', auth_token: token, ...input });
const CONTENT = 'keys';
const model = () => world.catalog.all[0]!;

async function provideKeys(): Promise<string> {
  const files = [keyFile(CONTENT)].map(({ fileName, bytes, sha256 }) => ({
    file_name: fileName,
    bytes,
    sha256,
  }));
  const { key_ref } = await call('begin_key_provisioning', own({ files }));
  await call('upload_evaluation_key_chunk', own({ key_ref, ...chunk(CONTENT, 'keys.hekeys') }));
  await call('commit_evaluation_keys', own({ key_ref }));
  return String(key_ref);
}

function chunk(content: string, file_name = 'input.hect'): Json {
  const bytes = Buffer.from(content);
  return {
    file_name,
    chunk_index: 0,
    total_chunks: 1,
    chunk_b64: bytes.toString('base64'),
    chunk_sha256: sha256Of(bytes),
  };
}

const upload = (session_id = 's') => call('upload_ciphertext_chunk', own({ session_id, ...chunk('input') }));
const infer = (input: Json = {}, context: Partial<CallContext> = {}) =>
  call('remote_inference_cnn', own({ session_id: 's', ...input }), context);

describe('models', () => {
  it('are listed and described without a name', async () => {
    const { models } = await call('list_models', {});
    expect(models).toEqual([
      {
        model: 'small',
        algorithm_id: model().algorithmId,
        scheme_context: 'CKKS',
        artifact_digest: model().digest,
        input_shapes: [[1, 4096]],
        output_shapes: [[1, 4096]],
        labels: 1,
      },
    ]);
    const described = await call('describe_model', {});
    expect(described).toMatchObject({
      ok: true,
      model: 'small',
      poly_modulus_degree: 8192,
      max_multiplication_depth: 3,
      output_shape: [1, 4096],
      inputs: [{ name: 'x0', shape: [1, 4096], ciphertexts: 1, level: 3, packing: 'slots in order' }],
      outputs: [{ name: 'y0', shape: [1, 4096], ciphertexts: 1, precision_bits: 12 }],
      rotation_steps: [1],
      needs_relinearization: true,
      labels: ['0'],
      predicted: { latency_ms: 1, memory_bytes: 1, key_bytes: 2 },
      limits: {
        max_chunk_bytes: world.limits.maxChunkBytes,
        max_inline_result_bytes: 4,
        max_key_bytes: model().maxKeyBytes,
        max_input_bytes: model().maxInputBytes,
        sessions_per_client: world.limits.sessionsPerClient,
        session_lifetime_s: 86_400,
        key_lifetime_s: 30 * 86_400,
      },
      server_key: world.services.identity.publicKey,
      server_key_id: world.services.identity.id,
    });
    expect(described).not.toHaveProperty('signature');
    const { signature } = await call('describe_model', { model: 'small', include_signature: true });
    expect(decodeSignature(signature)).toEqual(model().artifact.signature);
  });
});

describe('enrolling', () => {
  it('gives a token and the key of the server', async () => {
    const answer = await call('enrol_client', { client_id: 'other' });
    expect(answer).toMatchObject({
      ok: true,
      client_id: 'other',
      signatures_required: false,
      server_key: world.services.identity.publicKey,
      server_key_id: world.services.identity.id,
    });
    expect(world.logged).toContain('info: client enrolled');
    expect(Date.parse(String(answer['expires_at']))).toBeGreaterThan(
      Date.now() + 0.9 * world.limits.tokenLifetimeMs,
    );
  });

  it('with a key says that requests are to be signed from then on', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const input = { client_id: 'signer', public_key: encodePublicKey(publicKey) };
    const received = { tool: 'enrol_client', arguments: input };
    const meta = {
      [SIGNATURE_META]: signRequest(received, privateKey, world.services.identity.id, Date.now()),
    };
    expect(await call('enrol_client', input, { received, meta })).toMatchObject({
      signatures_required: true,
    });
    await expect(call('enrol_client', input)).rejects.toMatchObject({ code: 'ERROR_SIGNATURE_REQUIRED' });
  });
});

describe('keys', () => {
  it('are announced, sent, committed, looked up and revoked', async () => {
    const { fileName: file_name, bytes, sha256 } = keyFile(CONTENT);
    const announced = await call('begin_key_provisioning', own({ files: [{ file_name, bytes, sha256 }] }));
    const key_ref = announced['key_ref'];
    expect(announced).toMatchObject({
      client_id: 'client',
      algorithm_id: model().algorithmId,
      model: 'small',
      state: 'provisioning',
      rejection: null,
      max_chunk_bytes: world.limits.maxChunkBytes,
      files: [{ file_name, received_chunks: 0 }],
    });
    const lifetime =
      Date.parse(String(announced['expires_at'])) - Date.parse(String(announced['created_at']));
    expect(lifetime).toBe(world.limits.keyLifetimeMs);
    const sent = await call('upload_evaluation_key_chunk', own({ key_ref, ...chunk(CONTENT, file_name) }));
    expect(sent).toEqual({ ok: true, file_name, chunk_index: 0, chunk_bytes: 4, complete: true });
    expect(world.metrics.text({})).toContain('uploaded_bytes_total 4\n');
    expect(await call('commit_evaluation_keys', own({ key_ref }))).toMatchObject({
      key_ref,
      state: 'active',
    });
    expect(await call('get_key_status', own())).toMatchObject({ key_ref, state: 'active' });
    expect(await call('get_key_status', own({ key_ref }))).toMatchObject({ key_ref, state: 'active' });
    expect(await call('revoke_evaluation_keys', own({ key_ref }))).toMatchObject({
      key_ref,
      state: 'revoked',
    });
    expect(world.logged).toEqual(expect.arrayContaining(['info: keys committed', 'info: keys revoked']));
  });

  it('are held against the parameters that a request states', async () => {
    const files = [{ file_name: 'k', bytes: 1, sha256: keyFile('x').sha256 }];
    await expect(call('begin_key_provisioning', own({ files, batch_size: 7 }))).rejects.toMatchObject({
      code: 'ERROR_PARAMETER_MISMATCH',
    });
    await expect(call('begin_key_provisioning', own({ files, model: 'other' }))).rejects.toMatchObject({
      code: 'ERROR_UNKNOWN_MODEL',
    });
  });
});

describe('an inference', () => {
  beforeEach(async () => {
    await provideKeys();
    expect(await upload()).toMatchObject({ ok: true, chunk_bytes: 5, complete: true });
  });

  it('answers with the encrypted result and what it took', async () => {
    expect(await call('get_session_status', own({ session_id: 's' }))).toMatchObject({
      status: 'staging',
      error_code: null,
      progress: 0,
      queue_ahead: null,
      model: null,
      key_ref: null,
      files: [{ file_name: 'input.hect', received_bytes: 5 }],
    });
    expect(world.metrics.text({})).toContain('uploaded_bytes_total 9\n');
    const fractions: number[] = [];
    world.process.evaluate = (_order, progress) => Promise.resolve(progress('layer', 0.5));
    const answer = await infer({ omp_threads: 2 }, { progress: (fraction) => fractions.push(fraction) });
    expect(answer).toMatchObject({
      ok: true,
      session_id: 's',
      status: 'done',
      model: 'small',
      algorithm_id: model().algorithmId,
      scheme_context: 'CKKS',
      error_code: null,
      encrypted_logit_b64: Buffer.from('out').toString('base64'),
      encrypted_logit_bytes: 3,
      encrypted_logit_sha256: DONE.resultSha256,
      profile: { infer_s: 0.5 },
      noise_budget_remaining: { remaining_level: 0, scale: 2 ** 30 },
      computation_depth_used: 3,
      output_shape: [1, 10],
      requires_decryption: true,
    });
    expect(fractions).toEqual([0.5]);
    expect(world.requests.at(-1)!.need.threads).toBe(2);
    const { key_ref } = await call('get_key_status', own());
    expect(await call('get_session_status', own({ session_id: 's' }))).toMatchObject({
      status: 'done',
      progress: 1,
      model: 'small',
      key_ref,
      requires_decryption: false,
    });
  });

  it('gives a result that is too large to be inline in chunks', async () => {
    await infer();
    const record = await world.sessions.get('client', 's');
    const resultKey = resultKeyOf(record);
    await world.blobs.delete(resultKey);
    await world.blobs.put(resultKey, [Buffer.from('a result!')]);
    const resultSha256 = sha256Of(Buffer.from('a result!'));
    await world.store.putSession({
      ...record,
      outcome: { ...DONE, resultKey, resultBytes: 9, resultSha256 },
    });
    const answer = await infer();
    expect(answer).toMatchObject({ encrypted_logit_bytes: 9, result_chunks: 3 });
    expect(answer).not.toHaveProperty('encrypted_logit_b64');
    const pieces: string[] = [];
    for (const chunk_index of [undefined, 1, 2]) {
      const piece = await call('get_inference_result', own({ session_id: 's', chunk_index }));
      expect(piece).toMatchObject({
        session_id: 's',
        chunk_index: chunk_index ?? 0,
        total_chunks: 3,
        encrypted_logit_bytes: 9,
        encrypted_logit_sha256: answer['encrypted_logit_sha256'],
        requires_decryption: true,
      });
      const bytes = Buffer.from(String(piece['chunk_b64']), 'base64');
      expect(piece['chunk_sha256']).toBe(sha256Of(bytes));
      pieces.push(bytes.toString());
    }
    expect(pieces).toEqual(['a re', 'sult', '!']);
    await expect(
      call('get_inference_result', own({ session_id: 's', chunk_index: 3 })),
    ).rejects.toMatchObject({
      code: 'ERROR_INVALID_ARGUMENT',
      message: 'the result has 3 chunks',
    });
  });

  it.each([
    [4, true],
    [5, false],
  ])('gives a result of %i bytes inline: %s', async (resultBytes, inline) => {
    await infer();
    const record = await world.sessions.get('client', 's');
    const resultKey = resultKeyOf(record);
    await world.store.putSession({ ...record, outcome: { ...DONE, resultKey, resultBytes } });
    expect('encrypted_logit_b64' in (await infer())).toBe(inline);
  });

  it('states the noise budget of exact schemes in bits, and nothing where nothing is known', async () => {
    await infer();
    const record = await world.sessions.get('client', 's');
    const done = { ...DONE, resultKey: resultKeyOf(record) };
    await world.store.putSession({ ...record, outcome: { ...done, noiseBudgetBits: 17 } });
    expect(await infer()).toMatchObject({ noise_budget_remaining: 17 });
    await world.store.putSession({ ...record, outcome: { ...done, remainingLevel: null } });
    expect(await infer()).toMatchObject({ noise_budget_remaining: null });
    await world.store.putSession({ ...record, outcome: { ...done, scale: null } });
    expect(await infer()).toMatchObject({ noise_budget_remaining: null });
  });

  it('that is ordered to go on answers at once, and can be cancelled and discarded', async () => {
    let end = (): void => undefined;
    let start = (): void => undefined;
    const started = new Promise<void>((resolve) => (start = resolve));
    world.process.evaluate = (_order, _progress, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new ToolError('ERROR_CANCELLED', 'cancelled')));
        end = resolve;
        start();
      });
    expect(await infer({ async: true })).toMatchObject({
      status: 'queued',
      queue_ahead: 0,
      poll_after_ms: 250,
      noise_budget_remaining: null,
      computation_depth_used: 0,
      output_shape: null,
      requires_decryption: false,
    });
    const controller = new AbortController();
    const waiting = infer({}, { signal: controller.signal });
    controller.abort();
    await waiting;
    await started;
    const after = infer();
    end();
    expect(await after).toMatchObject({ status: 'done' });

    await upload('t');
    await infer({ session_id: 't', async: true });
    const cancelled = await call('cancel_inference', own({ session_id: 't' }));
    expect(cancelled).toEqual({ ok: true, session_id: 't', status: 'cancelled' });
    expect(await call('get_session_status', own({ session_id: 't' }))).toMatchObject({
      status: 'cancelled',
      progress: 0,
    });
    const discarded = await call('cancel_inference', own({ session_id: 't', discard: true }));
    expect(discarded).toEqual({ ok: true, session_id: 't', status: 'discarded' });
    await expect(call('get_session_status', own({ session_id: 't' }))).rejects.toMatchObject({
      code: 'ERROR_UNKNOWN_SESSION',
    });
  });

  it('that failed says why', async () => {
    world.process.evaluate = () => Promise.reject(new ToolError('ERROR_NOISE_OVERFLOW', 'too much'));
    await expect(infer()).rejects.toMatchObject({ code: 'ERROR_NOISE_OVERFLOW', message: 'too much' });
    expect(await call('get_session_status', own({ session_id: 's' }))).toMatchObject({
      status: 'failed',
      error_code: 'ERROR_NOISE_OVERFLOW',
    });
  });

  it('is held against the parameters that a request states', async () => {
    await expect(infer({ batch_size: 7 })).rejects.toMatchObject({ code: 'ERROR_PARAMETER_MISMATCH' });
  });
});

it('every tool but those for strangers wants to know who calls', async () => {
  const strangers = ['list_models', 'describe_model', 'enrol_client'];
  const key_ref = `hekey:${'0'.repeat(64)}`;
  const files = [{ file_name: 'k', bytes: 1, sha256: '0'.repeat(64) }];
  const everything: Json = { ...chunk('x'), session_id: 's', key_ref, files };
  for (const tool of REMOTE_TOOLS.filter(({ name }) => !strangers.includes(name))) {
    const fields = Object.entries(everything).filter(([field]) => field in tool.input.shape);
    const input = own({ ...Object.fromEntries(fields), auth_token: 'x'.repeat(43) });
    await expect(call(tool.name, input), tool.name).rejects.toMatchObject({ code: 'ERROR_UNAUTHORIZED' });
  }
});

it('every tool says what it is, and refuses what it does not know', () => {
  const names = REMOTE_TOOLS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const tool of REMOTE_TOOLS) {
    expect(tool.title.length, tool.name).toBeGreaterThan(5);
    expect(tool.description.length, tool.name).toBeGreaterThan(20);
    expect(tool.input.safeParse({ unknown: 1 }).success, tool.name).toBe(false);
    // What only looks is read-only; what takes something away says so.
    expect(tool.annotations.readOnlyHint, tool.name).toBe(/^(list|describe|get)_/.test(tool.name));
    if (!tool.annotations.readOnlyHint)
      expect(tool.annotations.destructiveHint, tool.name).toBe(/^(cancel|revoke)_/.test(tool.name));
  }
});

it('no schema of a tool has a list of types, which some hosts cannot map', () => {
  for (const tool of REMOTE_TOOLS) {
    expect(JSON.stringify([inputSchemaOf(tool), outputSchemaOf(tool)]), tool.name).not.toContain('"type":[');
  }
});
