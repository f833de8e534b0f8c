import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { clientId, modelId } from '../../protocol/identifiers.ts';
import { encryptFile } from '../encrypt-file.ts';
import { absolutePath, allowOutOfRange, define, fileEntry, keySet, warnings } from './define.ts';

/** An image at N = 16384, and not more than a program can be expected to pass on in a message. */
const MAX_INLINE_BYTES = 2 * 2 ** 20;

export const fheEncrypt = define({
  name: 'fhe_encrypt',
  title: 'Encrypt an image',
  description:
    'Steps 1 and 2 (§6.1): reads an image or array on this machine, prepares it as the model demands and writes its ciphertexts into a new file in session_dir. No pixel and no metadata leaves this machine. Upload the files with upload_ciphertext_chunk.',
  input: z.strictObject({
    client_id: clientId,
    image_path: absolutePath.describe('PNG, JPEG or .npy, absolute path'),
    session_dir: absolutePath.describe('Folder for the ciphertexts, absolute path; made if it is missing'),
    more_paths: z
      .array(absolutePath)
      .max(255)
      .optional()
      .describe('Further inputs, of models that have several'),
    key_set: keySet.optional(),
    model: modelId.optional().describe('Chooses the newest key set of this model'),
    allow_out_of_range: allowOutOfRange.optional(),
    inline: z
      .boolean()
      .optional()
      .describe(`Also return the ciphertexts as Base64, up to ${MAX_INLINE_BYTES} bytes`),
  }),
  output: z.object({
    ok: z.literal(true),
    client_id: z.string(),
    key_set: z.string(),
    model: z.string(),
    algorithm_id: z.string(),
    session_dir: z.string(),
    files: z.array(fileEntry),
    inputs: z.array(
      z.object({
        name: z.string(),
        shape: z.array(z.int()),
        packing: z.string(),
        level: z.int(),
        scale: z.number(),
        ciphertexts: z.int(),
      }),
    ),
    input_packing_format: z.string(),
    notes: z.array(z.string()).describe('What was converted on the way'),
    warnings,
    encrypted_payload: z.string().optional(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  async run(input, services) {
    const { allowed, keys } = services;
    const stored = await keys.get({ clientId: input.client_id, keySet: input.key_set, model: input.model });
    const folder = await allowed.folder(input.session_dir);
    const paths = [input.image_path, ...(input.more_paths ?? [])];
    const write = (name: string, bytes: Uint8Array): Promise<string> => allowed.write(folder, name, bytes);
    const encrypted = await encryptFile(services, stored, paths, write, input.allow_out_of_range === true);
    const { file, content, notes } = encrypted;
    if (input.inline === true && content.length > MAX_INLINE_BYTES) {
      throw new ToolError(
        'ERROR_INVALID_ARGUMENT',
        `the ciphertexts have ${content.length} bytes: too many to return inline`,
      );
    }
    const { signature, record } = stored;
    return {
      ok: true as const,
      client_id: record.client_id,
      key_set: record.key_set,
      model: record.model,
      algorithm_id: record.algorithm_id,
      session_dir: folder,
      files: [{ file_name: file.fileName, path: file.path, bytes: file.bytes, sha256: file.sha256 }],
      inputs: signature.inputs.map(({ name, layout, level, scale }) => ({
        name,
        shape: [...layout.shape],
        packing: layout.format,
        level,
        scale,
        ciphertexts: layout.ciphertexts,
      })),
      input_packing_format: signature.inputs.map(({ layout }) => layout.format).join('; '),
      notes: [...notes],
      ...(encrypted.warnings.length === 0 ? {} : { warnings: [...encrypted.warnings] }),
      ...(input.inline === true ? { encrypted_payload: Buffer.from(content).toString('base64') } : {}),
    };
  },
});
