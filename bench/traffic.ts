/** What clients send over HTTP: how many requests, how long each took, and which had to be repeated. */

export interface TrafficCounts {
  readonly requests: number;
  /** Those that were not answered with 200 or 202, by status, which the clients repeated. */
  readonly repeated: Readonly<Record<string, number>>;
  /** From sending each to the end of its answer's head. */
  readonly requestMs: readonly number[];
}

const OK = [200, 202];

export class Traffic {
  #requestMs: number[] = [];
  #repeated = new Map<string, number>();

  /** For clients to send with. */
  readonly fetch: typeof fetch = async (input, init) => {
    const start = performance.now();
    let status = 'no answer';
    try {
      const response = await fetch(input, init);
      status = String(response.status);
      return response;
    } finally {
      this.#requestMs.push(performance.now() - start);
      if (!OK.includes(Number(status))) this.#repeated.set(status, (this.#repeated.get(status) ?? 0) + 1);
    }
  };

  /** Since the last time. */
  take(): TrafficCounts {
    const requestMs = this.#requestMs;
    const repeated = Object.fromEntries(this.#repeated);
    this.#requestMs = [];
    this.#repeated = new Map();
    return { requests: requestMs.length, repeated, requestMs };
  }
}
