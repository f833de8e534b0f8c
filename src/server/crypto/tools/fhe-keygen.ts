import { join } from 'node:path';
import { z } from 'zod';
import { HeError } from '../../../errors.ts';
import { decodeArtifact } from '../../../program/codec.ts';
import type { Signature } from '../../../program/signature.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { clientId, modelId, sha256 } from '../../protocol/identifiers.ts';
import { decodeSignature } from '../../protocol/signature-document.ts';
import { toToolError } from '../../protocol/translate-error.ts';
import { generateKeySet } from '../generate-key-set.ts';
import { signKeyManifest } from '../key-manifest.ts';
import { withRemote } from '../named-server.ts';
import type { CryptoServices } from '../services.ts';
import { absolutePath, define, fileEntry } from './define.ts';

const MAX_SIGNATURE_BYTES = 256 * 2 ** 20;
const MAX_ARTIFACT_BYTES = 2047 * 2 ** 20;

interface Source {
  readonly signature: Signature;
  readonly batchSize: number;
}

/** What describe_model answers, or its signature alone. */
const description = z.looseObject({
  signature: z.unknown(),
  batch_size: z
    .int()
    .min(1)
    .max(2 ** 20),
});

const NAME = 'fhe_keygen';

export const fheKeygen = define({
  name: NAME,
  title: 'Make keys',
  description:
    'Step 0: makes a secret key, which stays here, encrypted, and the public and evaluation keys that belong to it, for one model: given by its artifact, by the answer of describe_model with include_signature saved as JSON, or by the name of a configured server. Returns the evaluation key files to provision and their signed manifest.',
  input: z.strictObject({
    client_id: clientId,
    artifact_path: absolutePath.optional().describe('Compiled model (.hemodel), absolute path'),
    signature_path: absolutePath.optional().describe('Saved answer of describe_model, absolute path'),
    server: z.string().max(64).optional().describe('A server of fhe_list_servers'),
    model: modelId.optional().describe('Model of that server, where it has several'),
  }),
  output: z.object({
    ok: z.literal(true),
    client_id: z.string(),
    key_set: z.string(),
    model: z.string(),
    algorithm_id: z.string(),
    files: z.array(fileEntry).describe('Evaluation keys, for begin_key_provisioning'),
    public_key: fileEntry,
    manifest: z.object({
      format: z.string(),
      client_id: z.string(),
      key_set: z.string(),
      algorithm_id: z.string(),
      created_at: z.string(),
      files: z.array(z.object({ file_name: z.string(), bytes: z.int(), sha256 })),
      public_key: z.string().describe('Ed25519, SubjectPublicKeyInfo, Base64: what enrol_client pins'),
      certificate_chain: z.array(z.string()).optional(),
      signature: z.string().describe('Ed25519 over the canonical form of the rest, Base64'),
    }),
    manifest_path: z.string(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  async run(input, services, call) {
    const source = await readSource(input, services, call.signal);
    const { credentials } = services;
    const order = { clientId: input.client_id, ...source };
    const { record, folder } = await generateKeySet(services, order, call.signal, (fraction) =>
      call.progress(fraction, 'making keys'),
    );
    const manifest = await signKeyManifest(record, folder, await credentials.identity(input.client_id));
    const located = (file: { file_name: string; bytes: number; sha256: string }) => ({
      ...file,
      path: join(folder, file.file_name),
    });
    return {
      ok: true as const,
      client_id: record.client_id,
      key_set: record.key_set,
      model: record.model,
      algorithm_id: record.algorithm_id,
      files: record.evaluation_keys.map(located),
      public_key: located(record.public_key),
      manifest: manifest.document,
      manifest_path: manifest.path,
    };
  },
  begin: (input, { tasks }, _call, ttlMs) => tasks.begin(NAME, { ...input }, ttlMs),
});

async function readSource(
  input: {
    client_id: string;
    artifact_path?: string | undefined;
    signature_path?: string | undefined;
    server?: string | undefined;
    model?: string | undefined;
  },
  services: CryptoServices,
  signal: AbortSignal,
): Promise<Source> {
  const given = [input.artifact_path, input.signature_path, input.server].filter(
    (source) => source !== undefined,
  );
  if (given.length !== 1) {
    throw new ToolError('ERROR_INVALID_ARGUMENT', 'give one of artifact_path, signature_path and server');
  }
  try {
    if (input.artifact_path !== undefined) {
      const artifact = decodeArtifact(await services.allowed.read(input.artifact_path, MAX_ARTIFACT_BYTES));
      return {
        signature: artifact.signature,
        batchSize: batchOf(artifact.signature, artifact.negotiation.batch_size),
      };
    }
    if (input.server !== undefined) {
      const { signature, batchSize } = await withRemote(services, input.server, input.client_id, (remote) =>
        remote.describe(input.model, { signal }),
      );
      return withBatch(decodeSignature(signature), batchSize);
    }
    const bytes = await services.allowed.read(input.signature_path!, MAX_SIGNATURE_BYTES);
    const document = parseJson(bytes);
    const described = description.safeParse(document);
    if (!described.success) return withBatch(decodeSignature(document), 1);
    return withBatch(decodeSignature(described.data.signature), described.data.batch_size);
  } catch (error) {
    const translated = toToolError(error);
    if (translated.code !== 'ERROR_INTERNAL' || !(error instanceof HeError)) throw translated;
    throw new ToolError('ERROR_INVALID_INPUT', error.message, { cause: error });
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new ToolError('ERROR_INVALID_INPUT', 'the file is not JSON');
  }
}

function withBatch(signature: Signature, asked: number): Source {
  return { signature, batchSize: batchOf(signature, asked) };
}

/** A model whose batch axis is fixed at 1 takes one sample, whatever was asked for. */
function batchOf({ inputs }: Signature, asked: number): number {
  return inputs.every(({ layout }) => layout.shape[0] === asked) ? asked : 1;
}
