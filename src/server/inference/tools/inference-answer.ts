/** §6.4 and §7.2: a session's evaluation as `remote_inference_cnn` states it, with true values. */
import type { z } from 'zod';
import type { Artifact } from '../../../program/artifact.ts';
import type { inferenceAnswer } from '../../protocol/answers.ts';
import type { NoiseBudget } from '../../protocol/negotiation.ts';
import type { SessionOutcome, SessionRecord } from '../../storage/records.ts';
import type { InferenceServices } from '../services.ts';
import { notDone } from '../session-outcome.ts';
import { isoTime } from './define.ts';

type Answer = z.infer<typeof inferenceAnswer>;

const POLL_MS = 250;

/** @throws ToolError if the session failed or was cancelled */
export async function answerOf(record: SessionRecord, services: InferenceServices): Promise<Answer> {
  const model = services.catalog.get(record.model ?? '');
  const facts = {
    ok: true as const,
    session_id: record.sessionId,
    model: model.id,
    key_ref: record.keyRef ?? '',
    algorithm_id: model.algorithmId,
    scheme_context: model.artifact.negotiation.scheme_context,
    error_code: null,
    expires_at: isoTime(record.expiresAt),
  };
  if (record.state === 'queued' || record.state === 'running') {
    const stand = await services.sessions.stand(record);
    return {
      ...facts,
      status: record.state,
      queue_ahead: stand?.position.ahead ?? 0,
      poll_after_ms: POLL_MS,
      noise_budget_remaining: null,
      computation_depth_used: 0,
      output_shape: null,
      requires_decryption: false,
    };
  }
  const { outcome } = record;
  if (record.state !== 'done' || outcome === null || !outcome.ok) throw notDone(record);
  return {
    ...facts,
    status: 'done',
    ...(await resultFields(record, outcome, services)),
    profile: { infer_s: outcome.inferSeconds },
    noise_budget_remaining: noiseOf(outcome, model.artifact),
    computation_depth_used: outcome.depthUsed,
    output_shape: [...outcome.outputShape],
    requires_decryption: true,
  };
}

async function resultFields(
  record: SessionRecord,
  { resultBytes, resultSha256 }: SessionOutcome & { ok: true },
  { sessions, configuration: { limits } }: InferenceServices,
): Promise<Partial<Answer>> {
  const facts = { encrypted_logit_bytes: resultBytes, encrypted_logit_sha256: resultSha256 };
  if (resultBytes > limits.maxInlineResultBytes) {
    return { ...facts, result_chunks: Math.ceil(resultBytes / limits.maxInlineResultBytes) };
  }
  const { bytes } = await sessions.result(record.clientId, record.sessionId);
  return { ...facts, encrypted_logit_b64: Buffer.from(bytes).toString('base64') };
}

function noiseOf(
  { noiseBudgetBits, remainingLevel, scale }: SessionOutcome & { ok: true },
  { report }: Artifact,
): NoiseBudget | null {
  if (noiseBudgetBits !== null) return noiseBudgetBits;
  if (remainingLevel === null || scale === null) return null;
  const { refresh: refreshes } = report.operations;
  return { remaining_level: remainingLevel, scale, ...(refreshes === undefined ? {} : { refreshes }) };
}
