import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { advertisement, contribution, roundNumber } from '../../protocol/federation-messages.ts';
import { credentials, define, done } from './define.ts';

export const joinRound = define({
  name: 'join_round',
  title: 'Join a round',
  description:
    'Announces the keys of this round’s masks, or the digest of an encrypted update, signed by the enrolled identity over the round’s terms. Saying the same again does no harm; anything else is refused.',
  input: z.strictObject({
    ...credentials,
    round: roundNumber,
    advertisement: z.union([advertisement, contribution]),
  }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    if (input.advertisement.participant !== clientId)
      throw new ToolError('ERROR_INVALID_MESSAGE', 'the advertisement is another participant’s');
    await rounds.say(input.round, clientId, (round) => round.join(input.advertisement));
    return { ok: true as const };
  },
});
