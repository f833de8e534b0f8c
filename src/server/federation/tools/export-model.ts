import { z } from 'zod';
import { globalModelAnswer } from '../../protocol/federation-messages.ts';
import { credentials, define, requireOwner } from './define.ts';

export const exportModel = define({
  name: 'export_model',
  title: 'Export a global model',
  description:
    'For the owner: writes a global model as ONNX into the aggregator’s folder of exports, for he-compile compile and serve.',
  input: z.strictObject({ ...credentials, version: z.int().min(0).max(1_000_000).optional() }),
  output: globalModelAnswer.extend({
    ok: z.literal(true),
    file: z.string().describe('Below the aggregator’s state folder'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    await requireOwner(input, services, call);
    const model = services.models.find(input.version);
    const file = await services.exports.write(model);
    const { version, sha256, bytes, round } = model;
    return { ok: true as const, version, sha256, bytes, round, file };
  },
});
