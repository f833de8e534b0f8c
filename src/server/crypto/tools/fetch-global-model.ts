import { z } from 'zod';
import { clientId } from '../../protocol/identifiers.ts';
import { absolutePath, define } from './define.ts';
import { federationServer } from './federation-input.ts';

export const fetchGlobalModel = define({
  name: 'fetch_global_model',
  title: 'Fetch a global model',
  description:
    'Writes a federation’s global model as ONNX into a folder: what the next training starts from, or the result.',
  input: z.strictObject({
    server: federationServer.optional(),
    client_id: clientId.optional(),
    folder: absolutePath.describe('Folder to write to, made if it is missing'),
    version: z.int().min(0).max(1_000_000).optional().describe('Default: the latest'),
  }),
  output: z.object({
    ok: z.literal(true),
    path: z.string(),
    version: z.int(),
    sha256: z.string(),
    bytes: z.int(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false },
  async run({ server, client_id, folder, version }, { federation, allowed }, { signal, progress }) {
    const target = await allowed.folder(folder);
    const model = await federation.withRemote(server, client_id, (remote) =>
      remote.fetchModel(version, { signal, progress }),
    );
    const path = await allowed.write(target, `global-model-${model.version}.onnx`, model.bytes);
    return {
      ok: true as const,
      path,
      version: model.version,
      sha256: model.sha256,
      bytes: model.bytes.length,
    };
  },
});
