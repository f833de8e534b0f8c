/** What may be told of a round, while it goes on and after it: counts, names, and what can be seen of anomalies. */
import type { ProtocolRound } from './protocol-round.ts';

export interface RoundSummary {
  /** Digest of the terms. */
  readonly terms: string;
  readonly model: number;
  /** Who joined. */
  readonly participants: readonly string[];
  readonly survivors: readonly string[];
  /** Who joined and is not in the sum. */
  readonly dropouts: readonly string[];
  /** Who came after a step was closed. */
  readonly late: readonly string[];
  /** Of a sum: its mean's L2 norm, and how large it can be from clipped updates and noise alone. */
  readonly meanNorm: number | null;
  readonly expectedNorm: number | null;
  readonly newVersion: number | null;
  readonly abortReason: string | null;
  /** Whether masked updates may have left their participants: the round counts among those that ε was planned for. */
  readonly spent: boolean;
}

export function emptySummary(terms: string, model: number): RoundSummary {
  return {
    terms,
    model,
    participants: [],
    survivors: [],
    dropouts: [],
    late: [],
    meanNorm: null,
    expectedNorm: null,
    newVersion: null,
    abortReason: null,
    spent: false,
  };
}

/** The summary as the round has it by now. */
export function summarise(before: RoundSummary, round: ProtocolRound): RoundSummary {
  const { participants, survivors, aborted, spent } = round;
  return {
    ...before,
    participants,
    survivors: survivors ?? [],
    dropouts: survivors === null ? [] : participants.filter((name) => !survivors.includes(name)),
    abortReason: aborted?.reason ?? null,
    spent: before.spent || spent,
  };
}

/** What an operator should look at. A single poisoned update cannot be seen: nobody sees single updates. */
export function anomaliesOf({
  dropouts,
  late,
  meanNorm,
  expectedNorm,
  participants,
}: RoundSummary): string[] {
  const found: string[] = [];
  if (meanNorm !== null && expectedNorm !== null && meanNorm > expectedNorm)
    found.push(
      `the mean's norm ${meanNorm.toPrecision(4)} is more than clipped updates and noise make, ${expectedNorm.toPrecision(4)}: somebody did not clip`,
    );
  if (dropouts.length > 0)
    found.push(`${dropouts.length} of ${participants.length} dropped out: ${dropouts.join(', ')}`);
  if (late.length > 0) found.push(`came too late: ${late.join(', ')}`);
  return found;
}
