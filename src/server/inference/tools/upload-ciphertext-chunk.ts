import { z } from 'zod';
import { acknowledgement } from '../../protocol/answers.ts';
import {
  authToken,
  chunkIndex,
  chunkText,
  clientId,
  fileName,
  sessionId,
  sha256,
  totalChunks,
} from '../../protocol/identifiers.ts';
import { checkAgainstAny } from '../../protocol/check-negotiation.ts';
import { optionalParameters, requestParameters } from '../../protocol/negotiation.ts';
import { define } from './define.ts';

export const uploadCiphertextChunk = define({
  name: 'upload_ciphertext_chunk',
  title: 'Upload a chunk of ciphertext',
  description:
    'Step 3 (§6.3): one chunk of an encrypted input, in any order; the first one opens the session. The same chunk may be sent again.',
  input: z.strictObject({
    client_id: clientId,
    session_id: sessionId,
    file_name: fileName,
    chunk_index: chunkIndex,
    total_chunks: totalChunks,
    chunk_b64: chunkText,
    auth_token: authToken.optional(),
    chunk_sha256: sha256.optional(),
    ...optionalParameters,
  }),
  output: acknowledgement,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, catalog, sessions, metrics }, call) {
    await authentication.authenticate(input, call);
    // Which model it is for is said when it is evaluated; what none of them would take need not be sent.
    checkAgainstAny(requestParameters.partial().parse(input), catalog.all);
    const accepted = await sessions.accept(input.client_id, input.session_id, {
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
