import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundAnswer, roundNumber, roundStage } from '../../protocol/federation-messages.ts';
import type { StoredRound } from '../../storage/federation-store.ts';
import { credentials, define } from './define.ts';
import { answerOf } from './round-answer.ts';

/** Longer than hosts and proxies hold up an answer is of no use. */
const LONGEST_WAIT_MS = 10_000;
const POLL_AFTER_MS = 1000;

export const getRoundStatus = define({
  name: 'get_round_status',
  title: 'How far a round is',
  description:
    'The step, its deadline, how many have done it, and what came of a round that is over; also what can be seen of anomalies.',
  input: z.strictObject({
    ...credentials,
    round: roundNumber,
    wait_while: roundStage
      .optional()
      .describe('Answer once the round is at another step than this, or after ten seconds'),
  }),
  output: roundAnswer.extend({ ok: z.literal(true), poll_after_ms: z.int().min(0) }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, services, call) {
    await services.authentication.authenticate(input, call);
    const look = (): StoredRound | null => {
      const open = services.rounds.current?.stored;
      return open?.round === input.round ? open : services.store.round(input.round);
    };
    if (look()?.stage === input.wait_while) await services.rounds.changed(LONGEST_WAIT_MS, call.signal);
    const stored = look();
    if (stored === null)
      throw new ToolError('ERROR_UNKNOWN_ROUND', `round ${input.round} has not been opened`);
    return { ok: true as const, ...answerOf(stored, services), poll_after_ms: POLL_AFTER_MS };
  },
});
