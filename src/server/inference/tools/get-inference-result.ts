import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { authToken, clientId, sessionId, sha256, sha256Of } from '../../protocol/identifiers.ts';
import { define } from './define.ts';

export const getInferenceResult = define({
  name: 'get_inference_result',
  title: 'Get an encrypted result',
  description: 'The encrypted result of a session that is done, or one chunk of it.',
  input: z.strictObject({
    client_id: clientId,
    session_id: sessionId,
    auth_token: authToken.optional(),
    chunk_index: z.int().min(0).optional().describe('0-based; default 0'),
  }),
  output: z.object({
    ok: z.literal(true),
    session_id: z.string(),
    chunk_index: z.int(),
    total_chunks: z.int(),
    chunk_b64: z.string(),
    chunk_sha256: sha256,
    encrypted_logit_bytes: z.int().describe('Of the whole result'),
    encrypted_logit_sha256: sha256.describe('Of the whole result'),
    requires_decryption: z.literal(true),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, sessions, configuration }, call) {
    await authentication.authenticate(input, call);
    const { record, bytes } = await sessions.result(input.client_id, input.session_id);
    const size = configuration.limits.maxInlineResultBytes;
    const total = Math.ceil(bytes.length / size);
    const index = input.chunk_index ?? 0;
    if (index >= total) throw new ToolError('ERROR_INVALID_ARGUMENT', `the result has ${total} chunks`);
    const chunk = bytes.subarray(index * size, (index + 1) * size);
    return {
      ok: true as const,
      session_id: record.sessionId,
      chunk_index: index,
      total_chunks: total,
      chunk_b64: Buffer.from(chunk).toString('base64'),
      chunk_sha256: sha256Of(chunk),
      encrypted_logit_bytes: bytes.length,
      encrypted_logit_sha256: record.outcome?.ok === true ? record.outcome.resultSha256 : sha256Of(bytes),
      requires_decryption: true as const,
    };
  },
});
