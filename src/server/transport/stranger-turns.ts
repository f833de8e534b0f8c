/**
 * The line in which strangers stand, their networks in turn. However many those are, one request of theirs is begun at a time, and while clients
 * are served there is a pause after each, so that all of them together take a part of this process's time and no more. Nobody stands in
 * it for longer than is said, and whose network has asked least lately comes first: what it takes to enrol is few requests. Clients, who
 * show their token at the door, do not stand in it.
 */
import { neighbourhoodOf } from './origin-address.ts';

export interface TurnOptions {
  /** Of those who stand in line, and of one address; more are refused, those first whose turn would come last. */
  readonly waiting: number;
  readonly waitingPerOrigin: number;
  /** Whoever has stood so long is refused. */
  readonly patienceMs: number;
  /** A turn ends with the answer, or after this: what takes longer waits for something else than this process. */
  readonly longestMs: number;
  /** Time between turns, as a multiple of the last one, while clients are served. */
  readonly pause: number;
  /** A client that has asked so recently is being served. */
  readonly clientMs: number;
  /** Networks that have asked more often lately come later; beyond so many times they are all alike. */
  readonly mostAsked: number;
  /** For at least so long, and less than twice, that is remembered. */
  readonly memoryMs: number;
}

export const TURN_OPTIONS: TurnOptions = {
  ...{ waiting: 512, waitingPerOrigin: 64, patienceMs: 5000 },
  ...{ longestMs: 25, pause: 2, clientMs: 2000 },
  ...{ mostAsked: 64, memoryMs: 60_000 },
};
/** Memory of more is given up early. */
const MOST_REMEMBERED = 10_000;

interface Waiting {
  readonly origin: string;
  readonly network: Past;
  readonly address: Past;
  readonly arrival: number;
  readonly timer: NodeJS.Timeout;
  /** With null it is refused. */
  readonly settle: (end: (() => void) | null) => void;
}

/** Of an address, or of a network. */
interface Past {
  asked: number;
  /** Of the last turn, or else of the first arrival; in events of the line. */
  last: number;
}

export class StrangerTurns {
  readonly #options: TurnOptions;
  readonly #now: () => number;
  /** In the order of their coming. */
  readonly #waiting = new Set<Waiting>();
  #lately = new Map<string, Past>();
  #before = new Map<string, Past>();
  #latelySince: number;
  #events = 0;
  #busy = false;
  #clientAt = -Infinity;

  /** @param now in ms */
  constructor(options: TurnOptions = TURN_OPTIONS, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
    this.#latelySince = now();
  }

  /** A client asks for something. */
  clientSeen(): void {
    this.#clientAt = this.#now();
  }

  /** Resolves when it is the caller's turn, to what ends it; to null if it has to come again. */
  take(origin: string): Promise<(() => void) | null> {
    const { waiting, waitingPerOrigin, patienceMs } = this.#options;
    const arrival = ++this.#events;
    return new Promise((settle) => {
      const own: Waiting = {
        ...{ origin, arrival, settle },
        network: this.#pastOf(neighbourhoodOf(origin), arrival),
        address: this.#pastOf(origin, arrival),
        timer: setTimeout(() => this.#refuse(own), patienceMs),
      };
      own.network.asked++;
      this.#waiting.add(own);
      let ofOrigin = 0;
      for (const other of this.#waiting) if (other.origin === origin) ofOrigin++;
      if (ofOrigin > waitingPerOrigin) this.#refuse(own);
      if (this.#waiting.size > waiting) this.#refuse(this.#outermost((a, b) => this.#isBefore(b, a)));
      this.#next();
    });
  }

  #refuse(one: Waiting): void {
    clearTimeout(one.timer);
    if (this.#waiting.delete(one)) one.settle(null);
  }

  /** Networks that have asked less, then those whose last turn is longest ago; within one, addresses of which that is so. */
  #isBefore(a: Waiting, b: Waiting): boolean {
    const { mostAsked } = this.#options;
    const more = Math.min(a.network.asked, mostAsked) - Math.min(b.network.asked, mostAsked);
    const order = more || a.network.last - b.network.last || a.address.last - b.address.last;
    return (order || a.arrival - b.arrival) < 0;
  }

  /** Of those who wait, the one that is before all others. */
  #outermost(isBefore: (a: Waiting, b: Waiting) => boolean): Waiting {
    let found: Waiting | undefined;
    for (const one of this.#waiting) if (found === undefined || isBefore(one, found)) found = one;
    return found!;
  }

  #next(): void {
    if (this.#busy || this.#waiting.size === 0) return;
    const first = this.#outermost((a, b) => this.#isBefore(a, b));
    this.#waiting.delete(first);
    clearTimeout(first.timer);
    this.#events++;
    for (const past of [first.network, first.address]) past.last = this.#events;
    this.#busy = true;
    first.settle(this.#begin());
  }

  #pastOf(name: string, arrival: number): Past {
    const now = this.#now();
    if (now - this.#latelySince > this.#options.memoryMs || this.#lately.size > MOST_REMEMBERED) {
      this.#before = this.#lately;
      this.#lately = new Map();
      this.#latelySince = now;
    }
    const past = this.#lately.get(name) ?? this.#before.get(name) ?? { asked: 0, last: arrival };
    this.#lately.set(name, past);
    return past;
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
