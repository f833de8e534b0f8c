import { z } from 'zod';
import { acknowledgement } from '../../protocol/answers.ts';
import {
  authToken,
  chunkIndex,
  chunkText,
  clientId,
  fileName,
  keyReference,
  sha256,
  totalChunks,
} from '../../protocol/identifiers.ts';
import { define } from './define.ts';

export const uploadEvaluationKeyChunk = define({
  name: 'upload_evaluation_key_chunk',
  title: 'Upload a chunk of evaluation keys',
  description:
    'Step 0: one chunk of an announced key file, in any order. The same chunk may be sent again. Secret keys are refused.',
  input: z.strictObject({
    client_id: clientId,
    auth_token: authToken.optional(),
    key_ref: keyReference,
    file_name: fileName,
    chunk_index: chunkIndex,
    total_chunks: totalChunks,
    chunk_b64: chunkText,
    chunk_sha256: sha256.optional(),
  }),
  output: acknowledgement,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, keys, metrics }, call) {
    await authentication.authenticate(input, call);
    const accepted = await keys.accept(input.client_id, input.key_ref, {
      fileName: input.file_name,
      chunkIndex: input.chunk_index,
      totalChunks: input.total_chunks,
      chunkText: input.chunk_b64,
      chunkSha256: input.chunk_sha256,
    });
    metrics.add('uploaded_bytes_total', accepted.chunk_bytes);
    return { ok: true as const, ...accepted };
  },
});
