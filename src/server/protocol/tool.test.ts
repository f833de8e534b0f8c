import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { fileState, inferenceAnswer, keyStatus, sessionAnswer } from './answers.ts';
import { type CallContext, defineTool, failure, inputSchemaOf, outputSchemaOf } from './tool.ts';

const tool = defineTool<{ readonly add: number }>()({
  name: 'count',
  title: 'Count',
  description: 'Counts on',
  input: z.strictObject({ from: z.int().min(0), hint: z.string().optional() }),
  output: z.object({ ok: z.literal(true), next: z.number().nullable() }),
  annotations: { readOnlyHint: true },
  run: ({ from }, { add }, { origin }) =>
    Promise.resolve({ ok: true as const, next: origin === '' ? null : from + add }),
});

describe('a tool', () => {
  it('runs with its services and its call', async () => {
    const call = { origin: 'test' } as CallContext;
    expect(await tool.run({ from: 3 }, { add: 2 }, call)).toEqual({ ok: true, next: 5 });
    expect(tool).toMatchObject({ name: 'count', title: 'Count', annotations: { readOnlyHint: true } });
  });

  it('states an object schema for its input, without the name of a dialect', () => {
    expect(inputSchemaOf(tool)).toEqual({
      type: 'object',
      properties: {
        from: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
        hint: { type: 'string' },
      },
      required: ['from'],
      additionalProperties: false,
    });
  });

  it('states one object schema for success and failure', () => {
    const schema = outputSchemaOf(tool);
    expect(schema).toMatchObject({
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
    });
    const [success, failed] = schema['anyOf'] as [object, object];
    expect(success).toMatchObject({ properties: { ok: { const: true } }, required: ['ok', 'next'] });
    expect(failed).toMatchObject({
      properties: { ok: { const: false }, error_code: { type: 'string' }, retry_after_ms: { minimum: 0 } },
    });
  });

  it('never states a list of types', () => {
    const types = JSON.stringify(
      outputSchemaOf({ output: z.object({ a: z.union([z.string(), z.null()]) }) }),
    );
    expect(types).not.toContain('"type":[');
    expect(types).toContain('"anyOf":[{"type":"string"},{"type":"null"}]');
  });
});

const FAILURE = {
  ok: false,
  error_code: 'ERROR_BUSY',
  message: 'full',
  hint: 'wait',
  retryable: true,
  noise_budget_remaining: null,
  computation_depth_used: 0,
  output_shape: null,
  requires_decryption: false,
};
const FILE = { file_name: 'f', total_chunks: 0, received_chunks: 0, received_bytes: 0, missing: [[0, 1]] };
const KEY_REF = `hekey:${'0'.repeat(64)}`;
const TIMES = { created_at: '2026-01-01T00:00:00Z', expires_at: '2026-01-01T00:00:00Z' };
const KEYS = {
  ...{ ok: true, key_ref: KEY_REF, client_id: 'c', algorithm_id: 'a', model: 'm', state: 'active' },
  ...{ rejection: null, ...TIMES, files: [FILE], max_chunk_bytes: 1 },
};
const SESSION = {
  ...{ ok: true, session_id: 's', status: 'staging', error_code: null, files: [], progress: 0 },
  ...{ queue_ahead: null, model: null, key_ref: null, ...TIMES, requires_decryption: false },
};
const INFERENCE = {
  ...{ ok: true, session_id: 's', status: 'done', model: 'm', key_ref: KEY_REF, algorithm_id: 'a' },
  ...{ scheme_context: 'CKKS', expires_at: TIMES.expires_at, noise_budget_remaining: 3 },
  ...{ computation_depth_used: 0, output_shape: [1], error_code: null, requires_decryption: true },
};

describe.each<[string, z.ZodObject, object, object[]]>([
  [
    'a failure',
    failure,
    FAILURE,
    [{ ok: true }, { retry_after_ms: -1 }, { computation_depth_used: -1 }, { hint: 1 }],
  ],
  [
    'the state of a file',
    fileState,
    FILE,
    [
      { total_chunks: -1 },
      { received_chunks: -1 },
      { received_bytes: -1 },
      { missing: [[0]] },
      { missing: [[0, 1, 2]] },
    ],
  ],
  [
    'the state of keys',
    keyStatus,
    KEYS,
    [
      { ok: false },
      { key_ref: 'x' },
      { state: 'other' },
      { created_at: 'now' },
      { expires_at: 1 },
      { files: [{}] },
    ],
  ],
  [
    'the state of a session',
    sessionAnswer,
    SESSION,
    [
      { status: 'other' },
      { progress: -0.1 },
      { progress: 1.1 },
      { queue_ahead: -1 },
      { requires_decryption: true },
    ],
  ],
  [
    'an inference',
    inferenceAnswer,
    INFERENCE,
    [
      { status: 'failed' },
      { encrypted_logit_bytes: -1 },
      { encrypted_logit_sha256: 'x' },
      { result_chunks: 0 },
      { profile: { infer_s: -1 } },
      { queue_ahead: -1 },
      { poll_after_ms: -1 },
    ],
  ],
])('%s', (_what, schema, sound, broken) => {
  it('is taken as it is', () => expect(schema.parse(sound)).toEqual(sound));
  it.each(broken)('is nothing with %j', (change) => {
    expect(schema.safeParse({ ...sound, ...change }).success).toBe(false);
  });
});

it.each<[z.ZodObject, object, string, unknown[]]>([
  [keyStatus, KEYS, 'state', ['provisioning', 'active', 'rejected', 'revoked']],
  [sessionAnswer, SESSION, 'status', ['staging', 'queued', 'running', 'done', 'failed', 'cancelled']],
  [sessionAnswer, SESSION, 'progress', [0, 1]],
  [inferenceAnswer, INFERENCE, 'status', ['queued', 'running', 'done']],
  [inferenceAnswer, INFERENCE, 'encrypted_logit_bytes', [0]],
  [inferenceAnswer, INFERENCE, 'result_chunks', [1]],
  [failure, FAILURE, 'retry_after_ms', [0]],
])('every value that may be is taken', (schema, sound, field, values) => {
  for (const value of values) expect(schema.safeParse({ ...sound, [field]: value }).success).toBe(true);
});
