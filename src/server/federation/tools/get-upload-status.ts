import { z } from 'zod';
import { fileState } from '../../protocol/answers.ts';
import { roundNumber } from '../../protocol/federation-messages.ts';
import { credentials, define } from './define.ts';

export const getUploadStatus = define({
  name: 'get_upload_status',
  title: 'What has arrived of an update',
  description: 'Which chunks of this client’s update are missing.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: z.object({ ok: z.literal(true), files: z.array(fileState), max_chunk_bytes: z.int() }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds, uploads, configuration }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    rounds.find(input.round);
    const files = await uploads.files(clientId, input.round);
    return { ok: true as const, files, max_chunk_bytes: configuration.limits.maxChunkBytes };
  },
});
