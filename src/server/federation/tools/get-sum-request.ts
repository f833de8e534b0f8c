import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundNumber, sumRequestAnswer } from '../../protocol/federation-messages.ts';
import { encryptedOf } from '../encrypted-round.ts';
import { credentials, define } from './define.ts';

export const getSumRequest = define({
  name: 'get_sum_request',
  title: 'Which sum is to be opened',
  description:
    'The list of survivors with the digest of their sum, which auditors confirm once they have added up again, and the confirmations by now.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: sumRequestAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    await authentication.authenticate(input, call);
    const { list, confirmations, stage } = encryptedOf(rounds.find(input.round).machine);
    if (list === null) throw new ToolError('ERROR_ROUND_STAGE', `the round is ${stage}: there is no sum yet`);
    return {
      ok: true as const,
      list: { ...list, survivors: [...list.survivors] },
      confirmations: [...confirmations],
    };
  },
});
