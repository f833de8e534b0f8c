import { z } from 'zod';
import { inferenceAnswer } from '../../protocol/answers.ts';
import { authToken, clientId, keyReference, modelId, sessionId } from '../../protocol/identifiers.ts';
import { optionalParameters } from '../../protocol/negotiation.ts';
import { define } from './define.ts';
import { answerOf } from './inference-answer.ts';

export const remoteInferenceCnn = define({
  name: 'remote_inference_cnn',
  title: 'Evaluate an encrypted input',
  description:
    'Step 3 (§6.3): evaluates exactly what was uploaded under session_id, with the evaluation keys of client_id, and returns the encrypted result (requires_decryption: pass it to fhe_decrypt). Calling again returns the same result. With async the answer comes at once; ask get_session_status and get_inference_result.',
  input: z.strictObject({
    client_id: clientId,
    session_id: sessionId,
    auth_token: authToken.optional(),
    omp_threads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe('Hint for parallelism; changes nothing in the result'),
    model: modelId.optional(),
    key_ref: keyReference.optional().describe('Must be one of this client; default: its active key set'),
    async: z.boolean().optional(),
    ...optionalParameters,
  }),
  output: inferenceAnswer,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    const {
      client_id,
      session_id,
      auth_token,
      omp_threads,
      model,
      key_ref,
      async: detached,
      ...parameters
    } = input;
    services.authentication.authenticate({ client_id, auth_token }, call);
    const { sessions } = services;
    const record = sessions.order(client_id, {
      sessionId: session_id,
      model,
      keyRef: key_ref,
      ompThreads: omp_threads,
      parameters,
    });
    if (detached === true) {
      sessions.detach(record);
      return answerOf(record, services);
    }
    return answerOf(await sessions.wait(record, call.progress, call.signal), services);
  },
});

/** The draft's §5.2 calls it so. */
export const remoteInference: typeof remoteInferenceCnn = { ...remoteInferenceCnn, name: 'remote_inference' };
