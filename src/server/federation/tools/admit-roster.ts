import { z } from 'zod';
import { admission, roundNumber } from '../../protocol/federation-messages.ts';
import { encryptedOf } from '../encrypted-round.ts';
import { credentials, define, done, requireDecryptor } from './define.ts';

export const admitRoster = define({
  name: 'admit_roster',
  title: 'Admit what was announced',
  description:
    'For the decryptor: its signature over the one list of contributions of this round. Ciphertexts leave their participants after it.',
  input: z.strictObject({ ...credentials, round: roundNumber, admission }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    const { clientId } = await requireDecryptor(input, services, call);
    await services.rounds.say(input.round, clientId, (round) =>
      encryptedOf(round).addAdmission(input.admission),
    );
    return { ok: true as const };
  },
});
