/**
 * The gate in front of everything that a request costs: how many requests, bytes and open bodies a caller may have. A
 * caller is the client whose token the Authorization header has, or else an address. Strangers pay for what they ask; what turns
 * out to be a client's call is given back to the address, since clients are counted by name (see `ToolHost.admit`).
 */
import type { RateLimiter } from './rate-limiter.ts';
import type { Refusal } from './request-body.ts';

export interface AdmissionLimits {
  /** Bytes of bodies that are held, from the first to the answer; and of one caller. */
  readonly bodyBytes: number;
  readonly bodyBytesPerCaller: number;
  /** Of all who show no token: what others hold is never theirs. */
  readonly bodyBytesOfStrangers: number;
}

/** Sustained rates and bursts. */
export interface AdmissionRates {
  /** Of one address that shows no token. */
  readonly requests: RateLimiter;
  readonly bytes: RateLimiter;
  /** Of one client; its requests are counted where its calls are known. */
  readonly clientBytes: RateLimiter;
}

const TOO_MANY_REQUESTS = { status: 429, code: -32000, message: 'Too many requests' };
const TOO_MANY_BYTES = { status: 429, code: -32000, message: 'Too many bytes' };
/** All of them under one name. */
const STRANGERS = 'strangers';
const BODIES_FULL = { status: 503, code: -32000, message: 'Too many bodies are being received' };

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #rates: AdmissionRates;
  readonly #bodies = new Tally();
  readonly #strangersBodies = new Tally();

  constructor(limits: AdmissionLimits, rates: AdmissionRates) {
    this.#limits = limits;
    this.#rates = rates;
  }

  /** @param client whose token it shows; null: a stranger. A refusal if it asks too often */
  enter(client: string | null, origin: string): Visit | Refusal {
    const { requests, bytes: strangerBytes, clientBytes } = this.#rates;
    const stranger = client === null;
    const waitMs = stranger ? requests.tryTake(origin) : 0;
    if (waitMs > 0) return { ...TOO_MANY_REQUESTS, retryAfterMs: waitMs };
    let paidBytes = 0;
    let held = 0;
    let paying = stranger;
    const caller = stranger ? `origin ${origin}` : `client ${client}`;
    return {
      caller,
      stranger,
      hold: (bytes) => {
        const wait = stranger
          ? paying && strangerBytes.tryTake(origin, bytes)
          : clientBytes.tryTake(client, bytes);
        if (wait !== false && wait > 0) return { ...TOO_MANY_BYTES, retryAfterMs: wait };
        if (paying) paidBytes += bytes;
        if (!this.#hold(caller, stranger, bytes)) return BODIES_FULL;
        held += bytes;
        return null;
      },
      vouch: (known) => {
        if (!paying) return;
        paying = false;
        requests.giveBack(origin);
        // What the client has no budget for, its address has paid.
        if (clientBytes.tryTake(known, paidBytes) === 0) strangerBytes.giveBack(origin, paidBytes);
      },
      leave: once(() => {
        this.#bodies.remove(caller, held);
        if (stranger) this.#strangersBodies.remove(STRANGERS, held);
      }),
    };
  }

  #hold(caller: string, stranger: boolean, bytes: number): boolean {
    const { bodyBytes, bodyBytesPerCaller, bodyBytesOfStrangers: most } = this.#limits;
    if (stranger && !this.#strangersBodies.add(STRANGERS, bytes, most, most)) return false;
    if (this.#bodies.add(caller, bytes, bodyBytes, bodyBytesPerCaller)) return true;
    if (stranger) this.#strangersBodies.remove(STRANGERS, bytes);
    return false;
  }

  /** Bytes of bodies that are held now. */
  get bodyBytes(): number {
    return this.#bodies.total;
  }
}

/** One request on its way through the server. */
export interface Visit {
  /** Whom it counts against. */
  readonly caller: string;
  /** It shows no token. */
  readonly stranger: boolean;
  /** Of the body, as it arrives. */
  hold(bytes: number): Refusal | null;
  /** The call proved to be this client's. */
  vouch(client: string): void;
  /** It is answered, or gone. */
  leave(): void;
}

/** Amounts by name, which are forgotten at 0. */
class Tally {
  readonly #amounts = new Map<string, number>();
  total = 0;

  /** False, and nothing is added, beyond either bound. */
  add(name: string, amount: number, most: number, mostEach: number): boolean {
    const sum = (this.#amounts.get(name) ?? 0) + amount;
    if (this.total + amount > most || sum > mostEach) return false;
    this.#amounts.set(name, sum);
    this.total += amount;
    return true;
  }

  remove(name: string, amount: number): void {
    const rest = (this.#amounts.get(name) ?? 0) - amount;
    if (rest > 0) this.#amounts.set(name, rest);
    else this.#amounts.delete(name);
    this.total -= amount;
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
