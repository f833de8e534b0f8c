/** Step 6: a decrypted result as tools state it. */
import { z } from 'zod';
import type { LocalResult } from '../../client/local-cryptography.ts';

export const resultFields = {
  logits: z.array(z.number()).describe('First output, row-major, rounded to precision_bits'),
  shape: z.array(z.int().min(0)),
  outputs: z
    .array(z.object({ name: z.string(), shape: z.array(z.int().min(0)), data: z.array(z.number()) }))
    .optional()
    .describe('All outputs, of models that have several'),
  class: z
    .object({ index: z.int(), label: z.string().nullable() })
    .nullable()
    .describe('The winner; null if the output is no classification'),
  top_k: z.array(z.object({ index: z.int(), label: z.string().nullable(), score: z.number() })).optional(),
  labels: z.array(z.string()).optional(),
  scheme: z.string(),
  precision_bits: z.number(),
  requires_decryption: z.literal(false),
};

export const resultAnswer = z.object({ ok: z.literal(true), ...resultFields });

/** @param topK also rank so many classes */
export function resultOf(result: LocalResult, topK: number | undefined): z.infer<typeof resultAnswer> {
  const { outputs, labels, winner, scheme, precisionBits } = result;
  const first = outputs[0]!;
  const labelOf = (index: number): string | null => labels[index] ?? null;
  const ranked = first.data
    .map((score, index) => ({ index, label: labelOf(index), score }))
    .sort((a, b) => b.score - a.score || a.index - b.index);
  return {
    ok: true,
    logits: [...first.data],
    shape: [...first.shape],
    ...(outputs.length > 1
      ? { outputs: outputs.map(({ name, shape, data }) => ({ name, shape: [...shape], data: [...data] })) }
      : {}),
    class: winner === null ? null : { index: winner, label: labelOf(winner) },
    ...(topK === undefined ? {} : { top_k: ranked.slice(0, topK) }),
    ...(labels.length === 0 ? {} : { labels: [...labels] }),
    scheme,
    precision_bits: precisionBits,
    requires_decryption: false,
  };
}
