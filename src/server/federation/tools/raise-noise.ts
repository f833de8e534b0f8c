import { z } from 'zod';
import { credentials, define, requireOwner } from './define.ts';

export const raiseNoise = define({
  name: 'raise_noise',
  title: 'Raise the noise',
  description:
    'For the owner: more noise in the rounds that are opened from now on, as a multiple of what one participant can contribute. It is never lowered.',
  input: z.strictObject({ ...credentials, noise_multiplier: z.number().positive().max(1e6) }),
  output: z.object({ ok: z.literal(true), noise_multiplier: z.number() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    await requireOwner(input, services, call);
    services.federation.raiseNoise(input.noise_multiplier);
    services.log('info', 'noise raised');
    return { ok: true as const, noise_multiplier: services.federation.noiseMultiplier };
  },
});
