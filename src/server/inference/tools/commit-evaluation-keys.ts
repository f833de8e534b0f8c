import { z } from 'zod';
import { keyStatus } from '../../protocol/answers.ts';
import { authToken, clientId, keyReference } from '../../protocol/identifiers.ts';
import { define } from './define.ts';
import { keyAnswer } from './key-answer.ts';

export const commitEvaluationKeys = define({
  name: 'commit_evaluation_keys',
  title: 'Commit evaluation keys',
  description:
    'Step 0: checks digests, parameters, sizes and every key by loading it, and makes the set the active one of its client.',
  input: z.strictObject({ client_id: clientId, auth_token: authToken.optional(), key_ref: keyReference }),
  output: keyStatus,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    await services.authentication.authenticate(input, call);
    const { client_id, key_ref } = input;
    await services.keys.commit(client_id, key_ref, call.progress, call.signal);
    services.log('info', 'keys committed', { client: client_id, key: key_ref });
    return keyAnswer(await services.keys.status(client_id, key_ref), services);
  },
});
