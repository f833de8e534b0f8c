import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { confirmation, roundNumber } from '../../protocol/federation-messages.ts';
import { credentials, define, done } from './define.ts';

export const confirmSurvivors = define({
  name: 'confirm_survivors',
  title: 'Confirm the list of survivors',
  description: 'A survivor’s signature on the one list that it was shown.',
  input: z.strictObject({ ...credentials, round: roundNumber, confirmation }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    if (input.confirmation.participant !== clientId)
      throw new ToolError('ERROR_INVALID_MESSAGE', 'the confirmation is another participant’s');
    await rounds.say(input.round, clientId, (round) => round.confirm(input.confirmation));
    return { ok: true as const };
  },
});
