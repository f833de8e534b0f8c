/**
 * The line in which strangers stand, their addresses in turn. However many those are, one request of theirs is begun at a time, and while clients
 * are served there is a pause after each, so that all of them together take a part of this process's time and no more. Clients, who show
 * their token at the door, do not stand in it.
 */

export interface TurnOptions {
  /** Of those who stand in line, and of one address; more are refused. */
  readonly waiting: number;
  readonly waitingPerOrigin: number;
  /** A turn ends with the answer, or after this: what takes longer waits for something else than this process. */
  readonly longestMs: number;
  /** Time between turns, as a multiple of the last one, while clients are served. */
  readonly pause: number;
  /** A client that has asked so recently is being served. */
  readonly clientMs: number;
}

export const TURN_OPTIONS: TurnOptions = {
  ...{ waiting: 512, waitingPerOrigin: 64 },
  ...{ longestMs: 25, pause: 2, clientMs: 2000 },
};

export class StrangerTurns {
  readonly #options: TurnOptions;
  readonly #now: () => number;
  /** By address; the first one's turn is next. */
  readonly #lines = new Map<string, (() => void)[]>();
  #waiting = 0;
  #busy = false;
  #clientAt = -Infinity;

  /** @param now in ms */
  constructor(options: TurnOptions = TURN_OPTIONS, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  /** A client asks for something. */
  clientSeen(): void {
    this.#clientAt = this.#now();
  }

  /** Resolves when it is the caller's turn, to what ends it; null at once if the line is too long. */
  take(origin: string): Promise<() => void> | null {
    const { waiting, waitingPerOrigin } = this.#options;
    const own = this.#lines.get(origin) ?? [];
    if (this.#waiting >= waiting || own.length >= waitingPerOrigin) return null;
    return new Promise((resolve) => {
      own.push(() => resolve(this.#begin()));
      this.#lines.set(origin, own);
      this.#waiting++;
      this.#next();
    });
  }

  #next(): void {
    if (this.#busy) return;
    const [first] = this.#lines;
    if (first === undefined) return;
    const [origin, own] = first;
    const start = own.shift()!;
    // The others' turns come before its next one.
    this.#lines.delete(origin);
    if (own.length > 0) this.#lines.set(origin, own);
    this.#waiting--;
    this.#busy = true;
    start();
  }

  #begin(): () => void {
    const { longestMs, pause, clientMs } = this.#options;
    const start = this.#now();
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      const now = this.#now();
      const served = now - this.#clientAt < clientMs;
      setTimeout(
        () => {
          this.#busy = false;
          this.#next();
        },
        served ? pause * (now - start) : 0,
      );
    };
    const timer = setTimeout(end, longestMs);
    return end;
  }
}
