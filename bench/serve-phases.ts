/** The same inferences in sequence and all at once: how long, who waited, and what the server did meanwhile. */
import type { InferenceTimes, Participant } from './serve-participant.ts';
import type { ServerCounters, ServerWatch } from './serve-watch.ts';

export interface Phase {
  readonly inferences: number;
  readonly wallMs: number;
  readonly perSecond: number;
  readonly server: ServerCounters;
  /** Of each inference: from its upload to its answer, without the server's evaluation; median. */
  readonly medianOverheadMs: number;
}

export interface ConcurrentPhase extends Phase {
  readonly firstAnswerMs: readonly number[];
  readonly lastAnswerMs: readonly number[];
  /** Of the clients' last answers, the latest against the earliest: 1 is perfectly even. */
  readonly fairness: number;
  /** Clients in the order in which their answers came. */
  readonly order: readonly number[];
}

export async function inSequence(
  participants: readonly Participant[],
  inferences: number,
  watch: ServerWatch,
): Promise<Phase> {
  const before = await watch.counters();
  const start = performance.now();
  const times: InferenceTimes[] = [];
  for (const participant of participants) {
    for (let k = 0; k < inferences; k++) times.push(await participant.infer(`sequence-${k}`, k, start));
  }
  return summary(times, performance.now() - start, before, await watch.counters());
}

/** @param inFlight of each client; the next begins when one of them has its answer */
export async function atOnce(
  participants: readonly Participant[],
  inferences: number,
  inFlight: number,
  watch: ServerWatch,
): Promise<ConcurrentPhase> {
  const before = await watch.counters();
  const start = performance.now();
  const each = await Promise.all(
    participants.map(async (participant) => {
      const [times, rest] = [
        [] as InferenceTimes[],
        Array.from({ length: inferences }, (_, k) => k).values(),
      ];
      const next = async (): Promise<void> => {
        for (const k of rest) times.push(await participant.infer(`at-once-${k}`, k, start));
      };
      await Promise.all(Array.from({ length: inFlight }, next));
      return times;
    }),
  );
  const wallMs = performance.now() - start;
  const ends = each.map((times) => times.map(({ endMs }) => endMs));
  const last = ends.map((times) => Math.max(...times));
  return {
    ...summary(each.flat(), wallMs, before, await watch.counters()),
    firstAnswerMs: ends.map((times) => Math.min(...times)),
    lastAnswerMs: last,
    fairness: Math.max(...last) / Math.min(...last),
    order: ends
      .flatMap((times, client) => times.map((endMs) => ({ client, endMs })))
      .toSorted((a, b) => a.endMs - b.endMs)
      .map(({ client }) => client),
  };
}

function summary(
  times: readonly InferenceTimes[],
  wallMs: number,
  before: ServerCounters,
  after: ServerCounters,
): Phase {
  const overheads = times.map((time) => time.wallMs - time.evaluationMs).toSorted((a, b) => a - b);
  return {
    inferences: times.length,
    wallMs,
    perSecond: times.length / (wallMs / 1000),
    server: {
      evaluationSeconds: after.evaluationSeconds - before.evaluationSeconds,
      loadingSeconds: after.loadingSeconds - before.loadingSeconds,
      processStarts: after.processStarts - before.processStarts,
      evictions: after.evictions - before.evictions,
    },
    medianOverheadMs: overheads[Math.floor(overheads.length / 2)]!,
  };
}
