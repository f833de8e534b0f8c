import { z } from 'zod';
import { roundNumber, sumKey, sumKeyBytes } from '../../protocol/federation-messages.ts';
import { encryptedOf } from '../encrypted-round.ts';
import { credentials, define, done, requireDecryptor } from './define.ts';

export const publishSumKey = define({
  name: 'publish_sum_key',
  title: 'Publish the key of a round',
  description:
    'For the decryptor: the public key under which updates of this round are encrypted, signed over the round’s terms. There is one for each round.',
  input: z.strictObject({ ...credentials, round: roundNumber, sum_key: sumKey, key_b64: sumKeyBytes }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services, call) {
    const { clientId } = await requireDecryptor(input, services, call);
    const bytes = Buffer.from(input.key_b64, 'base64');
    await services.rounds.say(input.round, clientId, (round) =>
      encryptedOf(round).addKey(input.sum_key, bytes),
    );
    return { ok: true as const };
  },
});
