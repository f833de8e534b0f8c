import { z } from 'zod';
import { roundAnswer } from '../../protocol/federation-messages.ts';
import { credentials, define, requireOwner } from './define.ts';
import { answerOf } from './round-answer.ts';

export const openRound = define({
  name: 'open_round',
  title: 'Open a round',
  description: 'For the owner: the next round on the latest global model. One is open at a time.',
  input: z.strictObject({ ...credentials }),
  output: roundAnswer.extend({ ok: z.literal(true) }),
  annotations: { readOnlyHint: false, destructiveHint: false },
  async run(input, services, call) {
    await requireOwner(input, services, call);
    return { ok: true as const, ...answerOf(services.federation.openRound(), services) };
  },
});
