/** What an aggregator remembers of a round; no update, no mask and no key: masked updates lie where the server keeps blobs. */
import { InternalError, ProtocolError } from '../../errors.ts';
import type { RoundTerms } from '../round-terms.ts';
import type {
  AbortReason,
  Advertisement,
  Confirmation,
  Revelation,
  ShareBox,
  SurvivorList,
} from './messages.ts';

export type AggregatorStage =
  'joining' | 'sharing' | 'uploading' | 'confirming' | 'revealing' | 'opened' | 'aborted';

/** In the order in which they follow each other. */
const ORDER: readonly AggregatorStage[] = [
  'joining',
  'sharing',
  'uploading',
  'confirming',
  'revealing',
  'opened',
];

export interface ReceivedVector {
  readonly participant: string;
  /** SHA-256, hex, of the whole and of each block of `BLOCK_ELEMENTS`. */
  readonly digest: string;
  readonly blocks: readonly string[];
}

export interface ReceivedShares {
  readonly participant: string;
  readonly boxes: readonly ShareBox[];
}

/** JSON. */
export interface AggregatorState {
  readonly version: 1;
  readonly terms: RoundTerms;
  readonly stage: AggregatorStage;
  readonly advertisements: readonly Advertisement[];
  readonly shares: readonly ReceivedShares[];
  readonly vectors: readonly ReceivedVector[];
  readonly list: SurvivorList | null;
  readonly confirmations: readonly Confirmation[];
  readonly revelations: readonly Revelation[];
  readonly aborted: { readonly reason: AbortReason; readonly message: string } | null;
}

/** What one kind of message has brought, by participant: the first one of each counts. */
export class Received<T extends { readonly participant: string }> {
  readonly #what: string;
  readonly #messages: Map<string, T>;

  constructor(what: string, messages: readonly T[]) {
    this.#what = what;
    this.#messages = new Map(messages.map((message) => [message.participant, message]));
  }

  get size(): number {
    return this.#messages.size;
  }

  has(participant: string): boolean {
    return this.#messages.has(participant);
  }

  get(participant: string): T | undefined {
    return this.#messages.get(participant);
  }

  add(message: T): void {
    this.#messages.set(message.participant, structuredClone(message));
  }

  /** Whether the same was said before. @throws ProtocolError FEDERATION_EQUIVOCATION if something else was */
  repeats(message: T): boolean {
    const first = this.#messages.get(message.participant);
    if (first === undefined) return false;
    if (JSON.stringify(first) === JSON.stringify(message)) return true;
    throw new ProtocolError(
      'FEDERATION_EQUIVOCATION',
      `${message.participant} sends a second ${this.#what} in one round`,
      { hint: 'the first one counts' },
    );
  }

  /** Sorted by participant. */
  names(): string[] {
    return [...this.#messages.keys()].sort();
  }

  /** In the order of `names`. */
  all(): T[] {
    return this.names().map((name) => this.#messages.get(name)!);
  }
}

/** The state, as it is worked with. */
export class RoundRecord {
  readonly terms: RoundTerms;
  readonly advertisements: Received<Advertisement>;
  readonly shares: Received<ReceivedShares>;
  readonly vectors: Received<ReceivedVector>;
  readonly confirmations: Received<Confirmation>;
  readonly revelations: Received<Revelation>;
  stage: AggregatorStage;
  list: SurvivorList | null;
  aborted: AggregatorState['aborted'];

  constructor(state: AggregatorState) {
    if (state.version !== 1) throw new InternalError(`a round’s state of version ${String(state.version)}`);
    const { advertisements, shares, vectors, confirmations, revelations } = structuredClone(state);
    this.terms = structuredClone(state.terms);
    this.stage = state.stage;
    this.list = structuredClone(state.list);
    this.aborted = state.aborted;
    this.advertisements = new Received('advertisement', advertisements);
    this.shares = new Received('set of share boxes', shares);
    this.vectors = new Received('masked update', vectors);
    this.confirmations = new Received('confirmation', confirmations);
    this.revelations = new Received('revelation', revelations);
  }

  static of(terms: RoundTerms): RoundRecord {
    const nothing = { advertisements: [], shares: [], vectors: [], confirmations: [], revelations: [] };
    return new RoundRecord({ version: 1, terms, stage: 'joining', list: null, aborted: null, ...nothing });
  }

  state(): AggregatorState {
    const { terms, stage, list, aborted } = this;
    return structuredClone({
      version: 1,
      terms,
      stage,
      list,
      aborted,
      advertisements: this.advertisements.all(),
      shares: this.shares.all(),
      vectors: this.vectors.all(),
      confirmations: this.confirmations.all(),
      revelations: this.revelations.all(),
    });
  }

  /** @throws ProtocolError FEDERATION_WRONG_STAGE */
  expect(stage: AggregatorStage): void {
    if (this.stage !== stage) throw this.wrongStage(stage);
  }

  /** Whether a stage is over already. @throws ProtocolError FEDERATION_WRONG_STAGE if it has not begun, or the round was aborted */
  isPast(stage: AggregatorStage): boolean {
    const [here, there] = [ORDER.indexOf(this.stage), ORDER.indexOf(stage)];
    if (here < there) throw this.wrongStage(stage);
    return here > there;
  }

  wrongStage(needed: AggregatorStage): ProtocolError {
    return new ProtocolError('FEDERATION_WRONG_STAGE', `the round is ${this.stage}, not ${needed}`);
  }

  /** Ends the round without a sum. */
  end(reason: AbortReason, message: string): ProtocolError {
    this.stage = 'aborted';
    this.aborted = { reason, message };
    return new ProtocolError('FEDERATION_ROUND_ABORTED', `the round ends without a sum: ${message}`, {
      hint: 'open another round; what this one cost stays spent',
    });
  }
}
