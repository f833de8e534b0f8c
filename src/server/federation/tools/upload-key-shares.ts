import { z } from 'zod';
import { roundNumber, shareBoxes } from '../../protocol/federation-messages.ts';
import { maskedOf } from '../masked-round.ts';
import { credentials, define, done } from './define.ts';

export const uploadKeyShares = define({
  name: 'upload_key_shares',
  title: 'Hand shares to neighbours',
  description:
    'One box for each neighbour, locked for it: shares of the secrets by which the sum is opened when this participant drops out, or does not.',
  input: z.strictObject({ ...credentials, round: roundNumber, boxes: shareBoxes }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    await rounds.say(input.round, clientId, (round) => maskedOf(round).addShares(clientId, input.boxes));
    return { ok: true as const };
  },
});
