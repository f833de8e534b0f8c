/**
 * The round that is open: what participants say goes to the state machine, and is on disk before it is acknowledged. Steps end when all
 * have done them or their time is over; what a former process left is taken up where it was.
 */
import { InternalError, ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../../federation/round-terms.ts';
import { termsDigest } from '../../federation/round-terms.ts';
import type { Log } from '../hosting/log.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { FederationStore, StoredRound } from '../storage/federation-store.ts';
import type { GlobalModels } from './global-models.ts';
import { openSum } from './open-sum.ts';
import type { Deadlines } from './policy-file.ts';
import type { ProtocolRound, RoundProtocol, RoundStage, RoundState } from './protocol-round.ts';
import type { RoundSummary } from './round-summary.ts';
import { emptySummary, summarise } from './round-summary.ts';
import type { RoundUploads } from './round-uploads.ts';

export interface OpenRound {
  readonly terms: RoundTerms;
  machine: ProtocolRound;
  stored: StoredRound;
}

export interface RoundsParts {
  readonly store: FederationStore;
  readonly models: GlobalModels;
  readonly uploads: RoundUploads;
  readonly protocols: Readonly<Record<RoundTerms['protocol'], RoundProtocol>>;
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
  #working: Promise<void> | null = null;
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
    const machine = this.#parts.protocols[terms.protocol].open(terms);
    const stored: StoredRound = {
      round: terms.round,
      stage: machine.stage,
      deadline: now + 1000 * this.#parts.deadlines.joining,
      openedAt: now,
      endedAt: null,
      state: JSON.stringify(machine.snapshot()),
      summary: JSON.stringify(emptySummary(termsDigest(terms), this.#parts.models.latest.version)),
    };
    this.#parts.store.putRound(stored);
    this.#open = { terms, machine, stored };
    this.#parts.log('info', 'round opened', { count: terms.round });
    return stored;
  }

  /** @throws ToolError ERROR_UNKNOWN_ROUND unless it is the one that is open */
  find(round: number): {
    readonly terms: RoundTerms;
    readonly machine: ProtocolRound;
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
    what: (machine: ProtocolRound) => T | Promise<T>,
  ): Promise<T> {
    const open = this.find(round) as OpenRound;
    try {
      const answer = await what(open.machine);
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
    if (open === null || this.#working !== null) return;
    try {
      for (let stage = ''; stage !== open.machine.stage;) {
        stage = open.machine.stage;
        open.machine.step(now >= open.stored.deadline, this.#parts.minClients);
        if (stage !== open.machine.stage) this.#advance(open, now);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.code !== 'FEDERATION_ROUND_ABORTED') throw error;
    }
    if (open.machine.stage === 'aborted') return this.#end(open);
    const work = open.machine.isOpenable ? () => this.#sum(open) : this.#workOf(open);
    if (work === null) return;
    // Nobody waits for it who has only said something.
    this.#working = work()
      .catch((error: unknown) => this.#failed(open, error))
      .finally(() => (this.#working = null));
  }

  #workOf(open: OpenRound): (() => Promise<void>) | null {
    const work = open.machine.work();
    if (work === null) return null;
    return async () => {
      await work();
      this.#advance(open, Date.now());
    };
  }

  /** Ends the open round without a sum. */
  async cancel(): Promise<void> {
    const open = this.#open;
    if (open === null) return;
    await this.#working;
    if (this.#open !== open) return;
    open.machine.abort('cancelled', 'the owner has ended it');
    await this.#end(open);
  }

  async settled(): Promise<void> {
    await this.#working;
  }

  /** Removes what a crash left of uploads to rounds that are over. */
  async sweep(): Promise<void> {
    this.#parts.store.forgetDeleted();
    for (const { round, endedAt, summary } of this.#parts.store.rounds().slice(-2)) {
      if (endedAt !== null) await this.#remove(round, (JSON.parse(summary) as RoundSummary).participants);
    }
  }

  async #remove(round: number, participants: readonly string[]): Promise<void> {
    const { uploads, protocols } = this.#parts;
    for (const participant of participants) await uploads.remove(participant, round);
    for (const protocol of Object.values(protocols)) await protocol.forget(round);
  }

  /** What was not stored has not happened: it is tried again. */
  #failed(open: OpenRound, error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : '';
    this.#parts.log('error', 'sum not made', { count: open.terms.round, detail });
    const kept = this.#parts.store.round(open.terms.round);
    if (kept?.state != null) open.machine = this.#resumed(kept).machine;
  }

  /** On to the next step, with a time of its own. */
  #advance(open: OpenRound, now: number): void {
    const { stage } = open.machine;
    open.stored = { ...open.stored, deadline: now + 1000 * secondsOf(stage, this.#parts.deadlines) };
    this.#save(open);
    this.#parts.log('info', 'round step', { count: open.terms.round, code: stage });
    this.#wake();
  }

  async #sum(open: OpenRound): Promise<void> {
    const { machine, terms } = open;
    const survivors = machine.survivors!.length;
    let sum;
    try {
      sum = await openSum(machine, terms, survivors, this.#parts.uploads.reader(terms.round));
    } catch (error) {
      if (machine.stage === 'aborted') return this.#end(open);
      throw error;
    }
    const { mean, norm, expectedNorm } = sum;
    const rate = this.#parts.serverLearningRate;
    const before = JSON.parse(open.stored.summary) as RoundSummary;
    const summary: RoundSummary = {
      ...summarise(before, machine),
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
    const ended = this.#ended(open, summarise(before, open.machine));
    this.#parts.store.putRound(ended);
    await this.#forget(open, ended);
  }

  #ended(open: OpenRound, summary: RoundSummary): StoredRound {
    const { stage } = open.machine;
    return { ...open.stored, stage, endedAt: Date.now(), state: null, summary: JSON.stringify(summary) };
  }

  /** What was uploaded goes with the round. What a crash leaves of it is removed at the next start. */
  async #forget(open: OpenRound, ended: StoredRound): Promise<void> {
    open.stored = ended;
    if (this.#open === open) this.#open = null;
    this.#parts.log('info', 'round over', { count: open.terms.round, code: ended.stage });
    this.#wake();
    this.#parts.store.forgetDeleted();
    await this.#remove(open.terms.round, open.machine.participants);
  }

  /** Should it fail, what is on disk counts: what was not stored was not said. */
  #save(open: OpenRound): void {
    const state = open.machine.snapshot();
    const summary = JSON.stringify(summarise(JSON.parse(open.stored.summary) as RoundSummary, open.machine));
    const stored = { ...open.stored, stage: open.machine.stage, state: JSON.stringify(state), summary };
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
      open.machine = this.#resumed(kept).machine;
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
    const state = JSON.parse(stored.state) as RoundState;
    const { terms } = state;
    return { terms, machine: this.#parts.protocols[terms.protocol].resume(state), stored };
  }
}

/** Both protocols have steps that only one of them has; the policy names times by what is waited for. */
function secondsOf(stage: RoundStage, deadlines: Deadlines): number {
  switch (stage) {
    case 'admitting':
      return deadlines.sharing;
    case 'opening':
      return deadlines.revealing;
    // Nobody is waited for.
    case 'adding':
    case 'opened':
    case 'aborted':
      return 0;
    case 'joining':
    case 'sharing':
    case 'uploading':
    case 'confirming':
    case 'revealing':
      return deadlines[stage];
  }
}
