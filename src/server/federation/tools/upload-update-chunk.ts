import { z } from 'zod';
import { acknowledgement } from '../../protocol/answers.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundNumber } from '../../protocol/federation-messages.ts';
import { chunkIndex, chunkText, sha256, totalChunks } from '../../protocol/identifiers.ts';
import { credentials, define } from './define.ts';

export const uploadUpdateChunk = define({
  name: 'upload_update_chunk',
  title: 'Upload a chunk of a masked update',
  description:
    'One chunk of the masked update (32-bit words, little endian), in any order. The same chunk may be sent again; other bytes are refused.',
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
  async run(input, { authentication, rounds, updates, metrics }, call) {
    const { clientId } = authentication.authenticate(input, call);
    const { terms } = rounds.find(input.round);
    const requireOpen = (): void => {
      const { aggregator } = rounds.find(input.round);
      if (aggregator.stage !== 'uploading')
        throw new ToolError('ERROR_ROUND_STAGE', `the round is ${aggregator.stage}, not uploading`);
      // Throws for who has not shared.
      aggregator.boxesFor(clientId);
    };
    requireOpen();
    const chunk = {
      chunkIndex: input.chunk_index,
      totalChunks: input.total_chunks,
      chunkText: input.chunk_b64,
      chunkSha256: input.chunk_sha256,
    };
    const accepted = await updates.accept(clientId, input.round, terms.form.length, chunk, requireOpen);
    metrics.add('uploaded_bytes_total', accepted.chunk_bytes);
    return { ok: true as const, ...accepted };
  },
});
