import { z } from 'zod';
import { keyStatus } from '../../protocol/answers.ts';
import { authToken, clientId, keyReference, modelId } from '../../protocol/identifiers.ts';
import { define } from './define.ts';
import { keyAnswer } from './key-answer.ts';

export const getKeyStatus = define({
  name: 'get_key_status',
  title: 'Get the status of evaluation keys',
  description:
    'State of a key set, and what is missing of it. Without key_ref: the one that client_id stands for in remote_inference_cnn.',
  input: z.strictObject({
    client_id: clientId,
    auth_token: authToken.optional(),
    key_ref: keyReference.optional(),
    model: modelId.optional(),
  }),
  output: keyStatus,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run({ key_ref, model, ...credentials }, services, call) {
    await services.authentication.authenticate(credentials, call);
    const { client_id } = credentials;
    const algorithm = model === undefined ? null : services.catalog.get(model).algorithmId;
    const reference = key_ref ?? (await services.keys.resolve(client_id, undefined, algorithm)).keyRef;
    return keyAnswer(await services.keys.status(client_id, reference), services);
  },
});
