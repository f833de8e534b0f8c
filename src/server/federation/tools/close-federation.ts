import { z } from 'zod';
import { credentials, define, done, requireOwner } from './define.ts';

export const closeFederation = define({
  name: 'close_federation',
  title: 'Close the federation',
  description: 'For the owner: no more rounds; the one that is open ends without a sum. Models stay.',
  input: z.strictObject({ ...credentials }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  async run(input, services, call) {
    await requireOwner(input, services, call);
    await services.federation.close();
    services.log('info', 'federation closed');
    return { ok: true as const };
  },
});
