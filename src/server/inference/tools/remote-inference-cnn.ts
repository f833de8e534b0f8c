import { z } from 'zod';
import { inferenceAnswer } from '../../protocol/answers.ts';
import { authToken, clientId, keyReference, modelId, sessionId } from '../../protocol/identifiers.ts';
import { optionalParameters } from '../../protocol/negotiation.ts';
import { taskLifetimeMs } from '../../protocol/task.ts';
import type { CallContext } from '../../protocol/tool.ts';
import type { SessionRecord } from '../../storage/records.ts';
import type { InferenceServices } from '../services.ts';
import { SessionTasks } from '../session-tasks.ts';
import { define } from './define.ts';
import { answerOf } from './inference-answer.ts';

const input = z.strictObject({
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
});

export const remoteInferenceCnn = define({
  name: 'remote_inference_cnn',
  title: 'Evaluate an encrypted input',
  description:
    'Step 3 (§6.3): evaluates exactly what was uploaded under session_id, with the evaluation keys of client_id, and returns the encrypted result (requires_decryption: pass it to fhe_decrypt). Calling again returns the same result. With async the answer comes at once; ask get_session_status and get_inference_result.',
  input,
  output: inferenceAnswer,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(given, services, call) {
    const record = await order(given, services, call);
    const { sessions } = services;
    if (given.async === true) {
      await sessions.detach(record);
      return answerOf(record, services);
    }
    return answerOf(await sessions.wait(record, call.progress, call.signal), services);
  },
  async begin(given, services, call, ttlMs) {
    const { sessionLifetimeMs } = services.configuration.limits;
    const record = await order(given, services, call, taskLifetimeMs(ttlMs, sessionLifetimeMs));
    await services.sessions.detach(record);
    return new SessionTasks(services, false).of(record);
  },
});

/** @param lifetimeMs how long the session is to be kept, should it be evaluated now */
async function order(
  given: z.infer<typeof input>,
  { authentication, sessions }: InferenceServices,
  call: CallContext,
  lifetimeMs?: number,
): Promise<SessionRecord> {
  const { client_id, session_id, auth_token, omp_threads, model, key_ref, async: _, ...parameters } = given;
  await authentication.authenticate({ client_id, auth_token }, call);
  return sessions.order(client_id, {
    sessionId: session_id,
    model,
    keyRef: key_ref,
    ompThreads: omp_threads,
    lifetimeMs,
    parameters,
  });
}

/** The draft's §5.2 calls it so. */
export const remoteInference: typeof remoteInferenceCnn = { ...remoteInferenceCnn, name: 'remote_inference' };
