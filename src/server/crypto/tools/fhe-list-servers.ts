import { z } from 'zod';
import { define } from './define.ts';

export const fheListServers = define({
  name: 'fhe_list_servers',
  title: 'List servers',
  description:
    'Lists the remote inference servers that this machine’s user has configured, for fhe_classify_file.',
  input: z.strictObject({}),
  output: z.object({
    ok: z.literal(true),
    servers: z.array(z.object({ name: z.string(), address: z.string() })),
  }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(_input, { servers }) {
    return {
      ok: true as const,
      servers: [...servers.values()].map(({ name, address }) => ({ name, address })),
    };
  },
});
