import { z } from 'zod';
import { keyStatus } from '../../protocol/answers.ts';
import { checkNegotiation } from '../../protocol/check-negotiation.ts';
import { authToken, clientId, fileName, modelId, sha256 } from '../../protocol/identifiers.ts';
import { optionalParameters } from '../../protocol/negotiation.ts';
import { define } from './define.ts';
import { keyAnswer } from './key-answer.ts';

export const beginKeyProvisioning = define({
  name: 'begin_key_provisioning',
  title: 'Begin key provisioning',
  description:
    'Step 0: announces evaluation keys by their files and digests, and returns their key_ref. Keys that are here already are active at once; otherwise upload what is missing, then commit.',
  input: z.strictObject({
    client_id: clientId,
    auth_token: authToken.optional(),
    model: modelId.optional(),
    files: z
      .array(
        z.strictObject({
          file_name: fileName,
          bytes: z
            .int()
            .min(1)
            .max(2 ** 31 - 1),
          sha256,
        }),
      )
      .min(1)
      .max(64)
      .describe('Containers of evaluation keys; together they hold every key'),
    ...optionalParameters,
  }),
  output: keyStatus,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run({ client_id, auth_token, model: name, files, ...parameters }, services, call) {
    await services.authentication.authenticate({ client_id, auth_token }, call);
    const model = services.catalog.choose(name);
    checkNegotiation(parameters, model);
    const announced = files.map(({ file_name, bytes, sha256 }) => ({ fileName: file_name, bytes, sha256 }));
    return keyAnswer(await services.keys.begin(client_id, model, announced), services);
  },
});
