/**
 * The order of the embedded queue: first come first served within a client, round robin between clients. A client whose evaluator is warm may run
 * a few jobs in a row before the turn passes on, since loading keys costs more than a job; the number bounds how long others wait.
 */

export interface TurnOptions {
  readonly concurrencyPerClient: number;
  /** Jobs in a row for one client while others wait. */
  readonly quantum: number;
  /** A turn goes on beyond that as long as it is younger, so that short jobs make up for what was loaded for them. */
  readonly quantumMs: number;
}

interface Turn {
  /** Jobs started in it so far. */
  readonly started: number;
  /** When its first job ended: what that one loaded is not counted. Null before. */
  readonly since: number | null;
}

export class FairTurns<Entry extends { readonly clientId: string }> {
  readonly #options: TurnOptions;
  /** In turn order: the first client with a job that may run is next. A client leaves when nothing of it waits. */
  readonly #waiting = new Map<string, Entry[]>();
  readonly #turns = new Map<string, Turn>();
  /** Of each client. */
  readonly #running = new Map<string, number>();

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  push(entry: Entry): void {
    this.#waiting.set(entry.clientId, [...(this.#waiting.get(entry.clientId) ?? []), entry]);
  }

  /** Before all others of its client. */
  pushFirst(entry: Entry): void {
    this.#waiting.set(entry.clientId, [entry, ...(this.#waiting.get(entry.clientId) ?? [])]);
  }

  /** False if it does not wait. */
  remove(entry: Entry): boolean {
    const own = this.#waiting.get(entry.clientId) ?? [];
    const rest = own.filter((other) => other !== entry);
    if (rest.length === 0) this.#waiting.delete(entry.clientId);
    else this.#waiting.set(entry.clientId, rest);
    return rest.length < own.length;
  }

  /** Whose turn it is; null if nobody's. It runs from now on. The client goes to the end of the line when its turn is over. */
  next(): Entry | null {
    const clientId = this.#nextClient();
    if (clientId === null) return null;
    const [entry, ...rest] = this.#waiting.get(clientId)!;
    if (rest.length === 0) {
      this.#waiting.delete(clientId);
      this.#turns.delete(clientId);
    } else this.#waiting.set(clientId, rest);
    this.#running.set(clientId, this.#runningOf(clientId) + 1);
    return entry!;
  }

  /** One that ran has ended. */
  ended({ clientId }: Entry): void {
    const left = this.#runningOf(clientId) - 1;
    if (left > 0) this.#running.set(clientId, left);
    else this.#running.delete(clientId);
    const turn = this.#turns.get(clientId);
    if (turn?.since === null) this.#turns.set(clientId, { ...turn, since: performance.now() });
  }

  /** How many are before it, all in all; null if it does not wait. */
  ahead(entry: Entry): number | null {
    const at = (this.#waiting.get(entry.clientId) ?? []).indexOf(entry);
    if (at < 0) return null;
    // In the meantime every other client gets as many turns, as far as it has jobs.
    let ahead = at;
    for (const [other, entries] of this.#waiting)
      if (other !== entry.clientId) ahead += Math.min(entries.length, at + 1);
    return ahead;
  }

  #runningOf(clientId: string): number {
    return this.#running.get(clientId) ?? 0;
  }

  #nextClient(): string | null {
    const now = performance.now();
    for (const [clientId, own] of this.#waiting) {
      if (this.#runningOf(clientId) >= this.#options.concurrencyPerClient) continue;
      const { started, since } = this.#turns.get(clientId) ?? { started: 0, since: null };
      const { quantum, quantumMs } = this.#options;
      const young = quantumMs > 0 && (since === null || now - since < quantumMs);
      if (started + 1 < quantum || young) {
        this.#turns.set(clientId, { started: started + 1, since });
      } else {
        this.#waiting.delete(clientId);
        this.#waiting.set(clientId, own);
        this.#turns.delete(clientId);
      }
      return clientId;
    }
    return null;
  }
}
