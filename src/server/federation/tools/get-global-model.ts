import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { modelChunkAnswer } from '../../protocol/federation-messages.ts';
import { chunkIndex, sha256Of } from '../../protocol/identifiers.ts';
import { credentials, define } from './define.ts';

export const getGlobalModel = define({
  name: 'get_global_model',
  title: 'Get a global model',
  description: 'A global model as ONNX, in chunks: the latest, or one of those before.',
  input: z.strictObject({
    ...credentials,
    version: z.int().min(0).max(1_000_000).optional(),
    chunk_index: chunkIndex.default(0),
  }),
  output: modelChunkAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, models, configuration }, call) {
    await authentication.authenticate(input, call);
    const model = models.find(input.version);
    const size = configuration.limits.maxChunkBytes;
    const total = Math.ceil(model.bytes / size);
    if (input.chunk_index >= total)
      throw new ToolError('ERROR_INVALID_ARGUMENT', `the model has ${total} chunks`);
    const start = input.chunk_index * size;
    const chunk = await models.readRange(model, start, Math.min(size, model.bytes - start));
    const { version, sha256, bytes, round } = model;
    return {
      ok: true as const,
      ...{ version, sha256, bytes, round },
      chunk_index: input.chunk_index,
      total_chunks: total,
      chunk_b64: Buffer.from(chunk).toString('base64'),
      chunk_sha256: sha256Of(chunk),
    };
  },
});
