import { z } from 'zod';
import { roundNumber, sumKeyAnswer } from '../../protocol/federation-messages.ts';
import { encryptedOf } from '../encrypted-round.ts';
import { credentials, define } from './define.ts';

export const getSumKey = define({
  name: 'get_sum_key',
  title: 'Get the key of a round',
  description:
    'The public key under which updates of this round are encrypted, and the decryptor’s signature over it.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: sumKeyAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds, clients, federation }, call) {
    await authentication.authenticate(input, call);
    const { key } = encryptedOf(rounds.find(input.round).machine);
    const { decryptor } = federation.policy;
    return {
      ok: true as const,
      decryptor,
      public_key: (await clients.client(decryptor))?.publicKey ?? '',
      sum_key: key?.message ?? null,
      key_b64: key?.bytes ?? null,
    };
  },
});
