import { z } from 'zod';
import { define } from './define.ts';

export const listModels = define({
  name: 'list_models',
  title: 'List models',
  description: 'Lists the models that evaluate encrypted inputs here.',
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    models: z.array(
      z.object({
        model: z.string(),
        algorithm_id: z.string(),
        scheme_context: z.string(),
        artifact_digest: z.string(),
        input_shapes: z.array(z.array(z.int())),
        output_shapes: z.array(z.array(z.int())),
        labels: z.int().describe('Number of class labels'),
      }),
    ),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(_input, { catalog }) {
    return {
      ok: true as const,
      models: catalog.all.map(({ id, algorithmId, digest, artifact: { signature, negotiation } }) => ({
        model: id,
        algorithm_id: algorithmId,
        scheme_context: negotiation.scheme_context,
        artifact_digest: digest,
        input_shapes: signature.inputs.map(({ layout }) => [...layout.shape]),
        output_shapes: signature.outputs.map(({ shape }) => [...shape]),
        labels: signature.labels.length,
      })),
    };
  },
});
