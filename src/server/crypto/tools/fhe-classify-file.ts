import { z } from 'zod';
import { newSessionId } from '../../client/encrypted-inference.ts';
import type { CallContext } from '../../protocol/tool.ts';
import { noiseBudget } from '../../protocol/negotiation.ts';
import { beginClassification } from '../classification.ts';
import type { Classification } from '../classified.ts';
import type { Job } from '../jobs.ts';
import { classificationInput } from './classification-input.ts';
import { define, topK, warnings } from './define.ts';
import { maxValues, resultAnswer, resultOf } from './result-answer.ts';

const NAME = 'fhe_classify_file';

export const fheClassifyFile = define({
  name: NAME,
  title: 'Classify a file under encryption',
  description:
    'Does everything in one call (steps 0 to 6): encrypts the file here, has the named remote server evaluate it under encryption, and decrypts the answer here. The server sees neither the input nor the result. The first call for a model also makes and sends keys. If the call times out, the work goes on: call again with the same file, or ask fhe_session_status. If it fails, call it again with the session_id of the message to go on.',
  input: classificationInput.extend({ top_k: topK.optional(), max_values: maxValues.optional() }),
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
  async run({ top_k, max_values, ...input }, services, call) {
    const job = await beginClassification(services, input);
    const { clientId, server, outcome } = await waitFor(job, call);
    const { encrypted, bytes, stageMs } = outcome;
    return {
      ...resultOf(outcome.result, top_k, max_values),
      client_id: clientId,
      server,
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
  },
  // With a session of its own, so that it goes on with what was encrypted if it is interrupted.
  begin: (input, { tasks }, _call, ttlMs) =>
    tasks.begin(NAME, { ...input, session_id: input.session_id ?? newSessionId() }, ttlMs),
});

const TIMED_OUT = /tim(?:ed|e)[ -]?out/iu;

/** A caller that cancels stops the work; one that has timed out, or is gone, does not. */
async function waitFor(job: Job<Classification>, { signal, progress }: CallContext): Promise<Classification> {
  try {
    return await job.wait(signal, progress);
  } catch (error) {
    // What cancels says why; hosts say so when they give up on their own, and closed connections say nothing.
    const { reason } = signal as { reason: unknown };
    if (signal.aborted && typeof reason === 'string' && !TIMED_OUT.test(reason)) job.stop();
    throw error;
  }
}
