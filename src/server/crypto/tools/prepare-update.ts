import { z } from 'zod';
import { clientId } from '../../protocol/identifiers.ts';
import { absolutePath, define } from './define.ts';
import { federationServer } from './federation-input.ts';

export const prepareUpdate = define({
  name: 'prepare_update',
  title: 'Prepare an update for a federation',
  description:
    'Reads what training changed (two ONNX models, before and after, or a .npy array of differences), checks it against the federation’s template, and keeps it sealed on this machine until contribute has taken it into a round. Nothing of it is sent.',
  input: z.strictObject({
    server: federationServer.optional(),
    client_id: clientId.optional(),
    before_path: absolutePath.optional().describe('ONNX model that training started from: the global model'),
    after_path: absolutePath.optional().describe('ONNX model after training'),
    delta_path: absolutePath
      .optional()
      .describe('Instead of both: .npy of after − before, tensor behind tensor'),
  }),
  output: z.object({
    ok: z.literal(true),
    update_id: z.string(),
    federation: z.string(),
    parameters: z.int(),
    base_model: z.string().nullable().describe('SHA-256 of the model before; null for an array'),
    kept_fraction: z
      .number()
      .describe('What clipping leaves of its norm in the round that is open; 1: all of it'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  async run({ server, client_id, ...files }, { federation }) {
    const prepared = await federation.prepare(files, server, client_id);
    return {
      ok: true as const,
      update_id: prepared.updateId,
      federation: prepared.federation,
      parameters: prepared.parameters,
      base_model: prepared.base,
      kept_fraction: prepared.keptFraction,
    };
  },
});
