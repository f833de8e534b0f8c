import { z } from 'zod';
import { clientId } from '../../protocol/identifiers.ts';
import { define } from './define.ts';

export const fheListKeys = define({
  name: 'fhe_list_keys',
  title: 'List key sets',
  description: 'Lists the key sets on this machine, the newest first. No key is shown.',
  input: z.strictObject({ client_id: clientId.optional() }),
  output: z.object({
    ok: z.literal(true),
    key_sets: z.array(
      z.object({
        client_id: z.string(),
        key_set: z.string(),
        model: z.string(),
        algorithm_id: z.string(),
        created_at: z.string(),
        evaluation_key_bytes: z.int(),
      }),
    ),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run({ client_id }, { keys }) {
    const records = await keys.list(client_id);
    return {
      ok: true as const,
      key_sets: records.map((record) => ({
        client_id: record.client_id,
        key_set: record.key_set,
        model: record.model,
        algorithm_id: record.algorithm_id,
        created_at: record.created_at,
        evaluation_key_bytes: record.evaluation_keys.reduce((sum, { bytes }) => sum + bytes, 0),
      })),
    };
  },
});
