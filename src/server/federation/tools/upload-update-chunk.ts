import { z } from 'zod';
import { acknowledgement } from '../../protocol/answers.ts';
import { roundNumber } from '../../protocol/federation-messages.ts';
import { chunkIndex, chunkText, sha256, totalChunks } from '../../protocol/identifiers.ts';
import { credentials, define } from './define.ts';

export const uploadUpdateChunk = define({
  name: 'upload_update_chunk',
  title: 'Upload a chunk of an update',
  description:
    'One chunk of the masked update (32-bit words, little endian), of the encrypted one (its ciphertexts, one after the other), or, from the decryptor, of the opened sum; in any order. The same chunk may be sent again; other bytes are refused.',
  input: z.strictObject({
    ...credentials,
    round: roundNumber,
    chunk_index: chunkIndex,
    total_chunks: totalChunks,
    chunk_b64: chunkText,
    chunk_sha256: sha256.optional(),
  }),
  output: acknowledgement,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds, uploads, metrics }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    const requireOpen = (): void => rounds.find(input.round).machine.requireUploader(clientId);
    requireOpen();
    const bytes = rounds.find(input.round).machine.uploadBytes(clientId);
    const chunk = {
      chunkIndex: input.chunk_index,
      totalChunks: input.total_chunks,
      chunkText: input.chunk_b64,
      chunkSha256: input.chunk_sha256,
    };
    const accepted = await uploads.accept(clientId, input.round, bytes, chunk, requireOpen);
    metrics.add('uploaded_bytes_total', accepted.chunk_bytes);
    return { ok: true as const, ...accepted };
  },
});
