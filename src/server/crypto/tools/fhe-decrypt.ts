import { z } from 'zod';
import { clientId } from '../../protocol/identifiers.ts';
import { decryptResult, MAX_RESULT_BYTES } from '../decrypt-file.ts';
import { absolutePath, define, keySet, topK } from './define.ts';
import { maxValues, resultAnswer, resultOf } from './result-answer.ts';

export const fheDecrypt = define({
  name: 'fhe_decrypt',
  title: 'Decrypt a result',
  description:
    'Steps 5 and 6 (§6.5): decrypts the result of remote_inference_cnn, saved to a file, and returns what the model says, rounded to the certified precision. Do not send it back to the server.',
  input: z.strictObject({
    client_id: clientId,
    encrypted_logit_path: absolutePath.describe('The encrypted result, decoded from Base64, absolute path'),
    key_set: keySet.optional(),
    top_k: topK.optional(),
    max_values: maxValues.optional(),
  }),
  output: resultAnswer.extend({ client_id: z.string(), key_set: z.string(), model: z.string() }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, services) {
    const bytes = await services.allowed.read(input.encrypted_logit_path, MAX_RESULT_BYTES);
    const { result, keySet: stored } = await decryptResult(
      services,
      input.client_id,
      input.key_set ?? null,
      bytes,
    );
    const { client_id, key_set, model } = stored.record;
    return { ...resultOf(result, input.top_k, input.max_values), client_id, key_set, model };
  },
});
