import { z } from 'zod';
import type { Artifact } from '../../../program/artifact.ts';
import { refreshSummary } from '../../../program/refresh-summary.ts';
import { limitsAnswer } from '../../protocol/answers.ts';
import { modelId } from '../../protocol/identifiers.ts';
import { refreshTerms, requestParameters, type RefreshTerms } from '../../protocol/negotiation.ts';
import { encodeSignature, signatureDocument } from '../../protocol/signature-document.ts';
import type { ServedModel } from '../model-catalog.ts';
import type { InferenceServices } from '../services.ts';
import { define } from './define.ts';

export const describeModel = define({
  name: 'describe_model',
  title: 'Describe a model',
  description:
    'What a client needs for a model: scheme, parameters, packing, rotation steps, refreshes (bootstraps) and what they cost, sizes and limits. With include_signature also the full signature, from which the local server makes keys, encrypts and decrypts.',
  input: z.strictObject({
    model: modelId.optional().describe('Not needed if only one model is served'),
    include_signature: z.boolean().optional(),
  }),
  output: requestParameters.extend({
    plain_modulus: requestParameters.shape.plain_modulus.exactOptional(),
    ok: z.literal(true),
    model: z.string(),
    artifact_digest: z.string(),
    output_shape: z.array(z.int()),
    inputs: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.int()),
        ciphertexts: z.int(),
        level: z.int(),
        packing: z.string(),
      }),
    ),
    outputs: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.int()),
        ciphertexts: z.int(),
        precision_bits: z.number(),
      }),
    ),
    rotation_steps: z.array(z.int()),
    needs_relinearization: z.boolean(),
    refreshes: refreshTerms.exactOptional().describe('Absent where nothing is refreshed'),
    labels: z.array(z.string()),
    predicted: z.object({ latency_ms: z.number(), memory_bytes: z.number(), key_bytes: z.number() }),
    limits: limitsAnswer,
    server_key: z
      .string()
      .describe('Ed25519 public key that signs the answers: SubjectPublicKeyInfo, Base64'),
    server_key_id: z.string(),
    signature: signatureDocument.optional(),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run({ model: name, include_signature }, services) {
    const model = services.catalog.choose(name);
    return {
      ...describe(model, services),
      ...(include_signature === true ? { signature: encodeSignature(model.artifact.signature) } : {}),
    };
  },
});

/** All but the signature. */
export function describe(model: ServedModel, { identity, configuration: { limits } }: InferenceServices) {
  const { signature, negotiation, report } = model.artifact;
  const { predicted } = report;
  return {
    ok: true as const,
    model: model.id,
    algorithm_id: model.algorithmId,
    artifact_digest: model.digest,
    ...negotiation,
    coeff_modulus: [...negotiation.coeff_modulus],
    galois_key_mappings: { ...negotiation.galois_key_mappings },
    output_shape: [...signature.outputs[0]!.layout.shape],
    inputs: signature.inputs.map(({ name, layout, level }) => ({
      name,
      shape: [...layout.shape],
      ciphertexts: layout.ciphertexts,
      level,
      packing: layout.format,
    })),
    outputs: signature.outputs.map(({ name, shape, layout, precisionBits }) => ({
      name,
      shape: [...shape],
      ciphertexts: layout.ciphertexts,
      precision_bits: precisionBits,
    })),
    rotation_steps: [...model.artifact.signature.rotationKeys.map(({ step }) => step)],
    needs_relinearization: model.artifact.signature.relinearizationLevel !== null,
    ...refreshesOf(model.artifact),
    labels: [...signature.labels],
    predicted: {
      latency_ms: predicted.latencyMs,
      memory_bytes: predicted.memoryBytes,
      key_bytes: predicted.keyBytes.galois + predicted.keyBytes.relinearization,
    },
    limits: {
      max_chunk_bytes: limits.maxChunkBytes,
      max_inline_result_bytes: limits.maxInlineResultBytes,
      max_key_bytes: model.maxKeyBytes,
      max_input_bytes: model.maxInputBytes,
      sessions_per_client: limits.sessionsPerClient,
      session_lifetime_s: Math.round(limits.sessionLifetimeMs / 1000),
      key_lifetime_s: Math.round(limits.keyLifetimeMs / 1000),
    },
    server_key: identity.publicKey,
    server_key_id: identity.id,
  };
}

function refreshesOf(artifact: Artifact): { readonly refreshes?: RefreshTerms } {
  const summary = refreshSummary(artifact);
  if (summary === null) return {};
  const { count, fromLevel, raisedLevel, toLevel, ms } = summary;
  return {
    refreshes: {
      count,
      from_level: fromLevel,
      raised_level: raisedLevel,
      to_level: toLevel,
      predicted_ms: ms,
    },
  };
}
