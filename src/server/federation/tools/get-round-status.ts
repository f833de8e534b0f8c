import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundAnswer, roundNumber } from '../../protocol/federation-messages.ts';
import { credentials, define } from './define.ts';
import { answerOf } from './round-answer.ts';

export const getRoundStatus = define({
  name: 'get_round_status',
  title: 'How far a round is',
  description:
    'The step, its deadline, how many have done it, and what came of a round that is over; also what can be seen of anomalies.',
  input: z.strictObject({ ...credentials, round: roundNumber }),
  output: roundAnswer.extend({ ok: z.literal(true), poll_after_ms: z.int().min(0) }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  run(input, services, call) {
    services.authentication.authenticate(input, call);
    const open = services.rounds.current?.stored;
    const stored = open?.round === input.round ? open : services.store.round(input.round);
    if (stored === null)
      throw new ToolError('ERROR_UNKNOWN_ROUND', `round ${input.round} has not been opened`);
    return Promise.resolve({ ok: true as const, ...answerOf(stored, services), poll_after_ms: 1000 });
  },
});
