/** A round as it is told. */
import type { z } from 'zod';
import type { roundAnswer } from '../../protocol/federation-messages.ts';
import type { StoredRound } from '../../storage/federation-store.ts';
import type { RoundSummary } from '../round-summary.ts';
import { anomaliesOf } from '../round-summary.ts';
import type { FederationServices } from '../services.ts';

export function answerOf(
  stored: StoredRound,
  { rounds }: Pick<FederationServices, 'rounds'>,
): z.input<typeof roundAnswer> {
  const summary = JSON.parse(stored.summary) as RoundSummary;
  const open = rounds.current?.stored.round === stored.round ? rounds.current : null;
  return {
    round: stored.round,
    stage: stored.stage as z.input<typeof roundAnswer>['stage'],
    deadline: new Date(stored.deadline).toISOString(),
    progress: open === null ? null : { ...open.machine.progress },
    survivors: [...summary.survivors],
    dropouts: [...summary.dropouts],
    abort_reason: summary.abortReason,
    new_version: summary.newVersion,
    mean_norm: summary.meanNorm,
    anomalies: anomaliesOf(summary),
  };
}
