import { z } from 'zod';
import { rosterAnswer, roundNumber } from '../../protocol/federation-messages.ts';
import { maskedOf } from '../masked-round.ts';
import { credentials, define, identitiesOf } from './define.ts';

export const getRoster = define({
  name: 'get_roster',
  title: 'Who is in the round',
  description:
    'The advertisements of all who joined, once no more may; who shares keys with whom follows from them.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: rosterAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds, clients }, call) {
    await authentication.authenticate(input, call);
    const { terms, advertisements } = maskedOf(rounds.find(input.round).machine).roster();
    return {
      ok: true as const,
      roster: { terms, advertisements: [...advertisements] },
      identities: await identitiesOf(advertisements, clients),
    };
  },
});
