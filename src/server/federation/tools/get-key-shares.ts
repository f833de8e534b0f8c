import { z } from 'zod';
import { roundNumber, shareBoxes } from '../../protocol/federation-messages.ts';
import { maskedOf } from '../masked-round.ts';
import { credentials, define } from './define.ts';

export const getKeyShares = define({
  name: 'get_key_shares',
  title: 'Boxes for this participant',
  description: 'The boxes that its neighbours locked for this participant, once no more are waited for.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: z.object({ ok: z.literal(true), boxes: shareBoxes }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    const boxes = maskedOf(rounds.find(input.round).machine).boxesFor(clientId);
    return { ok: true as const, boxes: [...boxes] };
  },
});
