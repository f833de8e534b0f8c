/**
 * The round that is open: what participants say goes to the state machine, and is on disk before it is acknowledged. Steps end when all
 * have done them or their time is over; what a former process left is taken up where it was.
 */
import { InternalError, ProtocolError } from '../../errors.ts';
import { SecureAggregator } from '../../federation/secure-aggregation/aggregator.ts';
import type { AggregatorState } from '../../federation/secure-aggregation/aggregator-state.ts';
import type { VerifyIdentity } from '../../federation/secure-aggregation/messages.ts';
import type { RoundTerms } from '../../federation/round-terms.ts';
import { termsDigest } from '../../federation/round-terms.ts';
import type { Log } from '../hosting/log.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { FederationStore, StoredRound } from '../storage/federation-store.ts';
import type { GlobalModels } from './global-models.ts';
import type { MaskedUpdates } from './masked-updates.ts';
import { openSum } from './open-sum.ts';
import type { Deadlines } from './policy-file.ts';
import type { RoundSummary } from './round-summary.ts';
import { emptySummary, summarise } from './round-summary.ts';

export interface OpenRound {
  readonly terms: RoundTerms;
  aggregator: SecureAggregator;
  stored: StoredRound;
}

export interface RoundsParts {
  readonly store: FederationStore;
  readonly models: GlobalModels;
  readonly updates: MaskedUpdates;
  readonly verify: VerifyIdentity;
  readonly deadlines: Deadlines;
  readonly serverLearningRate: number;
  /** A round with fewer is not begun, however few the terms would take. */
  readonly minClients: number;
  readonly log: Log;
}

/** Names of late ones that are kept. */
const MOST_LATE = 100;

export class Rounds {
  readonly #parts: RoundsParts;
  #open: OpenRound | null = null;
  #opening: Promise<void> | null = null;
  readonly #waiting = new Set<() => void>();
  #stopping = false;

  constructor(parts: RoundsParts) {
    this.#parts = parts;
    const last = parts.store.rounds().at(-1);
    if (last !== undefined && last.endedAt === null) this.#open = this.#resumed(last);
  }

  /** Null between rounds. */
  get current(): Readonly<OpenRound> | null {
    return this.#open;
  }

  /** @param terms of the next number. @throws ToolError ERROR_ROUND_STAGE while one is open; ProtocolError of the terms */
  begin(terms: RoundTerms, now: number = Date.now()): StoredRound {
    if (this.#open !== null)
      throw new ToolError('ERROR_ROUND_STAGE', `round ${this.#open.terms.round} is not over`);
    const aggregator = SecureAggregator.open(terms, this.#parts.verify);
    const stored: StoredRound = {
      round: terms.round,
      stage: aggregator.stage,
      deadline: now + 1000 * this.#parts.deadlines.joining,
      openedAt: now,
      endedAt: null,
      state: JSON.stringify(aggregator.snapshot()),
      summary: JSON.stringify(emptySummary(termsDigest(terms), this.#parts.models.latest.version)),
    };
    this.#parts.store.putRound(stored);
    this.#open = { terms, aggregator, stored };
    this.#parts.log('info', 'round opened', { count: terms.round });
    return stored;
  }

  /** @throws ToolError ERROR_UNKNOWN_ROUND unless it is the one that is open */
  find(round: number): {
    readonly terms: RoundTerms;
    readonly aggregator: SecureAggregator;
    readonly stored: StoredRound;
  } {
    if (this.#open?.terms.round === round) return this.#open;
    const over = this.#parts.store.round(round);
    if (over === null) throw new ToolError('ERROR_UNKNOWN_ROUND', `round ${round} has not been opened`);
    const { abortReason } = JSON.parse(over.summary) as RoundSummary;
    if (abortReason !== null) throw new ToolError('ERROR_ROUND_ABORTED', `round ${round}: ${abortReason}`);
    throw new ToolError('ERROR_ROUND_STAGE', `round ${round} is over`);
  }

  /**
   * Says something to the state machine. Durable when it returns.
   * @throws ProtocolError of the state machine, after which nothing has changed
   */
  async say<T>(
    round: number,
    participant: string,
    what: (aggregator: SecureAggregator) => T | Promise<T>,
  ): Promise<T> {
    const open = this.find(round) as OpenRound;
    try {
      const answer = await what(open.aggregator);
      this.#save(open);
      return answer;
    } catch (error) {
      if (error instanceof ProtocolError && error.code === 'FEDERATION_WRONG_STAGE')
        this.#noteLate(open, participant);
      throw error;
    } finally {
      await this.tick();
    }
  }

  /** Resolves at the end of a step, after the time given, or when the caller has left. */
  async changed(withinMs: number, signal: AbortSignal): Promise<void> {
    let done = (): void => undefined;
    const change = new Promise<void>((resolve) => (done = resolve));
    const timer = setTimeout(done, withinMs);
    this.#waiting.add(done);
    signal.addEventListener('abort', done, { once: true });
    if (!signal.aborted && !this.#stopping) await change;
    clearTimeout(timer);
    this.#waiting.delete(done);
    signal.removeEventListener('abort', done);
  }

  /** Whoever waits for a change waits no longer. */
  stop(): void {
    this.#stopping = true;
    this.#wake();
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }

  /** Closes what is done or over. Called after every message, and every second. */
  async tick(now: number = Date.now()): Promise<void> {
    const open = this.#open;
    if (open === null || this.#opening !== null) return;
    try {
      for (let stage = ''; stage !== open.aggregator.stage;) {
        stage = open.aggregator.stage;
        this.#step(open, now);
        if (stage !== open.aggregator.stage) this.#advance(open, now);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== 'FEDERATION_ROUND_ABORTED') throw error;
    }
    if (open.aggregator.stage === 'aborted') return this.#end(open);
    if (open.aggregator.stage !== 'revealing' || !open.aggregator.isOpenable) return;
    // Nobody waits for it who has only revealed shares.
    this.#opening = this.#sum(open)
      .catch((error: unknown) => this.#failed(open, error))
      .finally(() => (this.#opening = null));
  }

  /** Ends the open round without a sum. */
  async cancel(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    await this.#opening;
    if (this.#open !== open) return;
    open.aggregator.abort('cancelled', 'the owner has ended it');
    await this.#end(open);
  }

  async settled(): Promise<void> {
    await this.#opening;
  }

  /** Removes what a crash left of masked updates of rounds that are over. */
  async sweep(): Promise<void> {
    this.#parts.store.forgetDeleted();
    for (const { round, endedAt, summary } of this.#parts.store.rounds().slice(-2)) {
      if (endedAt === null) continue;
      for (const participant of (JSON.parse(summary) as RoundSummary).participants)
        await this.#parts.updates.remove(participant, round);
    }
  }

  #step({ aggregator, stored, terms }: OpenRound, now: number): void {
    const late = now >= stored.deadline;
    const { joined, shared, uploaded, confirmed } = aggregator.progress;
    switch (aggregator.stage) {
      case 'joining':
        if (joined < this.#parts.minClients && late)
          aggregator.abort('too-few-participants', `${joined} of ${this.#parts.minClients} have joined`);
        else if (joined === terms.maxParticipants || late) aggregator.closeRoster();
        return;
      case 'sharing':
        if (shared === joined || late) aggregator.closeSharing();
        return;
      case 'uploading':
        if (uploaded === shared || late) aggregator.closeUploads();
        return;
      case 'confirming':
        if (confirmed === uploaded || late) aggregator.closeConfirmations();
        return;
      case 'revealing':
        if (late && !aggregator.isOpenable) aggregator.abort('too-few-shares', 'the time for shares is over');
        return;
      case 'opened':
      case 'aborted':
        return;
    }
  }

  /** What was not stored has not happened: it is tried again. */
  #failed(open: OpenRound, error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : '';
    this.#parts.log('error', 'sum not opened', { count: open.terms.round, detail });
    const kept = this.#parts.store.round(open.terms.round);
    if (kept?.state != null) open.aggregator = this.#resumed(kept).aggregator;
  }

  /** On to the next step, with a time of its own. */
  #advance(open: OpenRound, now: number): void {
    const { stage } = open.aggregator;
    const seconds = stage === 'opened' || stage === 'aborted' ? 0 : this.#parts.deadlines[stage];
    open.stored = { ...open.stored, deadline: now + 1000 * seconds };
    this.#save(open);
    this.#parts.log('info', 'round step', { count: open.terms.round, code: stage });
    this.#wake();
  }

  async #sum(open: OpenRound): Promise<void> {
    const { aggregator, terms } = open;
    const survivors = aggregator.snapshot().list!.survivors.length;
    let sum;
    try {
      sum = await openSum(aggregator, terms, survivors, this.#parts.updates.reader(terms.round));
    } catch (error) {
      if (aggregator.stage === 'aborted') return this.#end(open);
      throw error;
    }
    const { mean, norm, expectedNorm } = sum;
    const rate = this.#parts.serverLearningRate;
    const before = JSON.parse(open.stored.summary) as RoundSummary;
    const summary: RoundSummary = {
      ...summarise(before, aggregator.snapshot()),
      meanNorm: norm,
      expectedNorm,
      newVersion: this.#parts.models.latest.version + 1,
    };
    const ended = this.#ended(open, summary);
    await this.#parts.models.advance(rate === 1 ? mean : mean.map((value) => rate * value), ended);
    await this.#forget(open, ended);
  }

  async #end(open: OpenRound): Promise<void> {
    if (this.#open !== open) return;
    const before = JSON.parse(open.stored.summary) as RoundSummary;
    const ended = this.#ended(open, summarise(before, open.aggregator.snapshot()));
    this.#parts.store.putRound(ended);
    await this.#forget(open, ended);
  }

  #ended(open: OpenRound, summary: RoundSummary): StoredRound {
    const { stage } = open.aggregator;
    return { ...open.stored, stage, endedAt: Date.now(), state: null, summary: JSON.stringify(summary) };
  }

  /** Masked updates go with the round. What a crash leaves of them is removed at the next start. */
  async #forget(open: OpenRound, ended: StoredRound): Promise<void> {
    const participants = open.aggregator.snapshot().advertisements.map(({ participant }) => participant);
    open.stored = ended;
    if (this.#open === open) this.#open = null;
    this.#parts.log('info', 'round over', { count: open.terms.round, code: ended.stage });
    this.#wake();
    this.#parts.store.forgetDeleted();
    for (const participant of participants) await this.#parts.updates.remove(participant, open.terms.round);
  }

  /** Should it fail, what is on disk counts: what was not stored was not said. */
  #save(open: OpenRound): void {
    const state = open.aggregator.snapshot();
    const summary = JSON.stringify(summarise(JSON.parse(open.stored.summary) as RoundSummary, state));
    const stored = { ...open.stored, stage: state.stage, state: JSON.stringify(state), summary };
    if (
      stored.state === open.stored.state &&
      stored.deadline === this.#parts.store.round(stored.round)?.deadline
    )
      return;
    try {
      this.#parts.store.putRound(stored);
      open.stored = stored;
    } catch (error) {
      const kept = this.#parts.store.round(stored.round)!;
      open.aggregator = this.#resumed(kept).aggregator;
      open.stored = kept;
      throw error;
    }
  }

  #noteLate(open: OpenRound, participant: string): void {
    const summary = JSON.parse(open.stored.summary) as RoundSummary;
    if (summary.late.includes(participant) || summary.late.length >= MOST_LATE) return;
    open.stored = {
      ...open.stored,
      summary: JSON.stringify({ ...summary, late: [...summary.late, participant] }),
    };
    this.#parts.store.putRound(open.stored);
  }

  #resumed(stored: StoredRound): OpenRound {
    if (stored.state === null) throw new InternalError(`round ${stored.round} has no state`);
    const state = JSON.parse(stored.state) as AggregatorState;
    return { terms: state.terms, aggregator: SecureAggregator.resume(state, this.#parts.verify), stored };
  }
}
