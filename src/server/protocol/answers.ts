/** Shapes of answers that several tools give, and that clients read. */
import { z } from 'zod';
import { keyReference, MAX_CHUNKS, sha256 } from './identifiers.ts';
import { telemetry } from './negotiation.ts';

export const acknowledgement = z.object({
  ok: z.literal(true),
  file_name: z.string(),
  chunk_index: z.int().min(0),
  chunk_bytes: z.int().min(1),
  complete: z.boolean().describe('All chunks of this file have arrived'),
});

export const fileState = z.object({
  file_name: z.string(),
  total_chunks: z.int().min(0).describe('0 until the first chunk'),
  received_chunks: z.int().min(0),
  received_bytes: z.int().min(0),
  missing: z
    .array(z.array(z.int()).length(2))
    .max(MAX_CHUNKS)
    .describe('Ranges [first, last] of missing chunk indices'),
});

export const keyStatus = z.object({
  ok: z.literal(true),
  key_ref: keyReference,
  client_id: z.string(),
  algorithm_id: z.string(),
  model: z.string(),
  state: z.enum(['provisioning', 'active', 'rejected', 'revoked']),
  rejection: z.string().nullable().describe('Error code of what was wrong with the keys'),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  files: z.array(fileState),
  max_chunk_bytes: z.int(),
});

/** §6.4 and §7.2; the result is inline up to a size, and in chunks beyond. */
export const inferenceAnswer = telemetry.extend({
  ok: z.literal(true),
  session_id: z.string(),
  status: z.enum(['queued', 'running', 'done']),
  encrypted_logit_b64: z
    .string()
    .optional()
    .describe('The encrypted result; absent if it must be fetched in chunks'),
  encrypted_logit_bytes: z.int().min(0).optional(),
  encrypted_logit_sha256: sha256.optional(),
  result_chunks: z
    .int()
    .min(1)
    .max(MAX_CHUNKS)
    .optional()
    .describe('How many chunks get_inference_result has'),
  profile: z.object({ infer_s: z.number().min(0) }).optional(),
  queue_ahead: z.int().min(0).optional(),
  poll_after_ms: z.int().min(0).optional(),
  model: z.string(),
  key_ref: keyReference,
  algorithm_id: z.string(),
  scheme_context: z.string(),
  expires_at: z.iso.datetime().describe('Until then the same call returns the same result'),
});

export const sessionAnswer = z.object({
  ok: z.literal(true),
  session_id: z.string(),
  status: z.enum(['staging', 'queued', 'running', 'done', 'failed', 'cancelled']),
  error_code: z.string().nullable(),
  files: z.array(fileState),
  progress: z.number().min(0).max(1),
  queue_ahead: z.int().min(0).nullable(),
  model: z.string().nullable(),
  key_ref: keyReference.nullable(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  requires_decryption: z.literal(false),
});

/** Limits that a client plans by. */
export const limitsAnswer = z.object({
  max_chunk_bytes: z.int(),
  max_inline_result_bytes: z.int(),
  max_key_bytes: z.int(),
  max_input_bytes: z.int(),
  sessions_per_client: z.int(),
  session_lifetime_s: z.int(),
  key_lifetime_s: z.int(),
});
