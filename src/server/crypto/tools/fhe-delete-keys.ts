import { z } from 'zod';
import { clientId } from '../../protocol/identifiers.ts';
import { keySetId } from '../key-record.ts';
import { define } from './define.ts';

export const fheDeleteKeys = define({
  name: 'fhe_delete_keys',
  title: 'Delete a key set',
  description:
    'Deletes a key set for good: what was encrypted with it can never be decrypted again. Evaluation keys that a server has stay there until revoke_evaluation_keys or their expiry.',
  input: z.strictObject({ client_id: clientId, key_set: keySetId.describe('As fhe_list_keys names it') }),
  output: z.object({ ok: z.literal(true), client_id: z.string(), key_set: z.string() }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false },
  async run({ client_id, key_set }, { keys, clients }) {
    await keys.get({ clientId: client_id, keySet: key_set });
    await clients.close(key_set);
    await keys.delete(client_id, key_set);
    return { ok: true as const, client_id, key_set };
  },
});
