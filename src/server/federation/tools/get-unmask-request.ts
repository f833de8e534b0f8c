import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundNumber, unmaskRequestAnswer } from '../../protocol/federation-messages.ts';
import { maskedOf } from '../masked-round.ts';
import { credentials, define } from './define.ts';

export const getUnmaskRequest = define({
  name: 'get_unmask_request',
  title: 'Whose updates are in the sum',
  description:
    'The list of survivors, which each of them confirms; later the confirmations of all, on which shares are revealed.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: unmaskRequestAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds }, call) {
    await authentication.authenticate(input, call);
    const aggregator = maskedOf(rounds.find(input.round).machine);
    if (aggregator.stage !== 'confirming' && aggregator.stage !== 'revealing')
      throw new ToolError('ERROR_ROUND_STAGE', `the round is ${aggregator.stage}: no sum is to be opened`);
    // Both are closed already, and only told.
    const list = aggregator.closeUploads();
    const confirmations = aggregator.stage === 'confirming' ? null : [...aggregator.closeConfirmations()];
    return {
      ok: true as const,
      list: { roster: list.roster, sharers: [...list.sharers], survivors: [...list.survivors] },
      confirmations,
    };
  },
});
