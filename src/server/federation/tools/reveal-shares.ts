import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { revelation, roundNumber } from '../../protocol/federation-messages.ts';
import { maskedOf } from '../masked-round.ts';
import { credentials, define, done } from './define.ts';

export const revealShares = define({
  name: 'reveal_shares',
  title: 'Reveal the shares that open the sum',
  description:
    'Of each neighbour one kind of share: of survivors those of the seed of their own mask, of who dropped out those of the key of masks with others.',
  input: z.strictObject({ ...credentials, round: roundNumber, revelation }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    if (input.revelation.participant !== clientId)
      throw new ToolError('ERROR_INVALID_MESSAGE', 'the revelation is another participant’s');
    await rounds.say(input.round, clientId, (round) => maskedOf(round).addRevelation(input.revelation));
    return { ok: true as const };
  },
});
