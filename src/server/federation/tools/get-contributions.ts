import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { contributionsAnswer, roundNumber } from '../../protocol/federation-messages.ts';
import { encryptedOf } from '../encrypted-round.ts';
import { credentials, define, identitiesOf } from './define.ts';

export const getContributions = define({
  name: 'get_contributions',
  title: 'What was announced for an encrypted sum',
  description:
    'The signed digests of all encrypted updates, once no more may be announced, and the decryptor’s admission of this list.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: contributionsAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds, clients }, call) {
    await authentication.authenticate(input, call);
    const { stage, contributions, admission } = encryptedOf(rounds.find(input.round).machine);
    if (stage === 'joining')
      throw new ToolError('ERROR_ROUND_STAGE', 'the round is joining: more may be announced');
    return {
      ok: true as const,
      contributions: [...contributions],
      admission,
      identities: await identitiesOf(contributions, clients),
    };
  },
});
