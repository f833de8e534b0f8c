import { z } from 'zod';
import { keyStatus } from '../../protocol/answers.ts';
import { authToken, clientId, keyReference } from '../../protocol/identifiers.ts';
import { define } from './define.ts';
import { keyAnswer } from './key-answer.ts';

export const revokeEvaluationKeys = define({
  name: 'revoke_evaluation_keys',
  title: 'Revoke evaluation keys',
  description:
    'Deletes a key set for good; evaluations with it end. The same keys cannot be provisioned again.',
  input: z.strictObject({ client_id: clientId, auth_token: authToken.optional(), key_ref: keyReference }),
  output: keyStatus,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  async run(input, services, call) {
    await services.authentication.authenticate(input, call);
    const { client_id, key_ref } = input;
    await services.keys.revoke(client_id, key_ref);
    services.log('info', 'keys revoked', { client: client_id, key: key_ref });
    return keyAnswer(await services.keys.status(client_id, key_ref), services);
  },
});
