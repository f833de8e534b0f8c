import { join } from 'node:path';
import { z } from 'zod';
import { EncryptedInference, newSessionId } from '../../client/encrypted-inference.ts';
import type { InferenceStage } from '../../client/encrypted-inference.ts';
import { SessionFolder } from '../../client/session-folder.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { clientId, modelId, sessionId } from '../../protocol/identifiers.ts';
import { noiseBudget } from '../../protocol/negotiation.ts';
import { LocalCryptographyOfServices } from '../local-cryptography.ts';
import { withRemote } from '../named-server.ts';
import { absolutePath, allowOutOfRange, define, topK, warnings } from './define.ts';
import { resultAnswer, resultOf } from './result-answer.ts';

const MESSAGES: Readonly<Record<InferenceStage, string>> = {
  model: 'asking for the model',
  keys: 'making keys',
  provision: 'providing evaluation keys',
  encrypt: 'encrypting',
  upload: 'uploading ciphertexts',
  evaluate: 'evaluating under encryption',
  decrypt: 'decrypting',
};

export const fheClassifyFile = define({
  name: 'fhe_classify_file',
  title: 'Classify a file under encryption',
  description:
    'Does everything in one call (steps 0 to 6): encrypts the file here, has the named remote server evaluate it under encryption, and decrypts the answer here. The server sees neither the input nor the result. The first call for a model also makes and sends keys. If it fails, call it again with the session_id of the message to go on.',
  input: z.strictObject({
    image_path: absolutePath.describe('PNG, JPEG or .npy, absolute path'),
    server: z
      .string()
      .max(64)
      .optional()
      .describe('A server of fhe_list_servers; may be left out if there is only one'),
    model: modelId.optional().describe('Model of that server, where it has several'),
    client_id: clientId.optional(),
    more_paths: z
      .array(absolutePath)
      .max(255)
      .optional()
      .describe('Further inputs, of models that have several'),
    session_id: sessionId.optional().describe('Names the session, or resumes one that failed'),
    top_k: topK.optional(),
    allow_out_of_range: allowOutOfRange.optional(),
  }),
  output: resultAnswer.extend({
    client_id: z.string(),
    server: z.string(),
    model: z.string(),
    session_id: z.string(),
    key_set: z.string(),
    key_ref: z.string(),
    noise_budget_remaining: noiseBudget.nullable(),
    computation_depth_used: z.int().min(0),
    bytes: z.object({
      evaluation_keys: z.int(),
      evaluation_keys_sent: z.int(),
      input: z.int(),
      output: z.int(),
    }),
    profile: z.object({ infer_s: z.number().nullable(), stages_s: z.record(z.string(), z.number()) }),
    notes: z.array(z.string()),
    warnings,
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    const client_id = input.client_id ?? services.defaultClientId;
    const local = new LocalCryptographyOfServices(services, client_id);
    const sessions = new SessionFolder(join(services.sessionsFolder, client_id));
    const session = input.session_id ?? newSessionId();
    const order = {
      inputs: [input.image_path, ...(input.more_paths ?? [])],
      model: input.model,
      sessionId: session,
      allowOutOfRange: input.allow_out_of_range,
    };
    return withRemote(services, input.server, client_id, async (remote, server) => {
      const inference = new EncryptedInference(local, remote, sessions);
      const outcome = await inference
        .run(order, call.signal, (whole, stage) => call.progress(whole, MESSAGES[stage]))
        .catch((error: unknown) => {
          throw namingSession(error, session);
        });
      const { encrypted, bytes, stageMs } = outcome;
      return {
        ...resultOf(outcome.result, input.top_k),
        client_id,
        server: server.name,
        model: outcome.model,
        session_id: outcome.sessionId,
        key_set: outcome.keySet,
        key_ref: outcome.keyRef,
        noise_budget_remaining: encrypted.noiseBudgetRemaining,
        computation_depth_used: encrypted.computationDepthUsed,
        bytes: {
          evaluation_keys: bytes.evaluationKeys,
          evaluation_keys_sent: bytes.evaluationKeysSent,
          input: bytes.input,
          output: bytes.output,
        },
        profile: {
          infer_s: encrypted.inferSeconds,
          stages_s: Object.fromEntries(Object.entries(stageMs).map(([name, ms]) => [name, ms / 1000])),
        },
        notes: [...outcome.notes],
        ...(outcome.warnings.length === 0 ? {} : { warnings: [...outcome.warnings] }),
      };
    });
  },
});

const OVER: readonly string[] = ['ERROR_INPUT_OUT_OF_RANGE', 'ERROR_OUTPUT_OUT_OF_RANGE'];

/** Whoever calls again with it goes on where it stopped. */
function namingSession(error: unknown, session: string): unknown {
  // Of a session that is over there is nothing to go on with.
  if (!(error instanceof ToolError) || OVER.includes(error.code)) return error;
  const { retryAfterMs } = error;
  const message = `${error.message} (session_id ${session})`;
  return new ToolError(error.code, message, {
    cause: error,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
