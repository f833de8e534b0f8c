/**
 * What an aggregator remembers of a federation, behind one interface. Every call is one durable transaction. No update of a single
 * participant is ever among it.
 */

/** Of the federation as a whole. JSON. */
export interface FederationRecord {
  readonly name: string;
  /** Names and shapes of what is trained: never changes. */
  readonly layout: string;
  /** The weakest that it ever had; Infinity is written as null. */
  readonly protection: unknown;
  /** Of what one participant can contribute, how much noise is in a sum; never falls. */
  readonly noiseMultiplier: number;
  readonly closed: boolean;
}

export interface GlobalModelRecord {
  /** 0: the template. */
  readonly version: number;
  readonly sha256: string;
  readonly bytes: number;
  /** Round that it came of; null: the template. */
  readonly round: number | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface StoredRound {
  readonly round: number;
  /** As the state machine names it. */
  readonly stage: string;
  /** When the stage is closed, with whoever has done its step by then; milliseconds since 1970. */
  readonly deadline: number;
  readonly openedAt: number;
  readonly endedAt: number | null;
  /** The state machine's; null once the round is over: shares that were revealed are of no use any more. */
  readonly state: string | null;
  /** What may be told of it. JSON. */
  readonly summary: string;
}

export interface FederationStore extends Disposable {
  federation(): FederationRecord | null;
  putFederation(record: FederationRecord): void;
  /** Ascending by version. */
  models(): GlobalModelRecord[];
  /** Ascending. */
  rounds(): StoredRound[];
  round(round: number): StoredRound | null;
  putRound(record: StoredRound): void;
  /** Both or none: what came of a round and that it has ended. */
  putResult(model: GlobalModelRecord, round: StoredRound | null): void;
  /** What was replaced is in no file any more: states of rounds hold shares that were revealed. */
  forgetDeleted(): void;
}
