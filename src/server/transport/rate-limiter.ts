/** Token buckets, one for each name, forgotten when full again. */
import { ToolError } from '../protocol/error-codes.ts';

interface Bucket {
  tokens: number;
  at: number;
}

const MAX_BUCKETS = 100_000;
/** What stays of them when room is made, so that it is made seldom. */
const KEPT = 0.9;

export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #perSecond: number;
  readonly #burst: number;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Buckets that are kept: at most 100,000. */
  get size(): number {
    return this.#buckets.size;
  }

  /** @throws ToolError ERROR_RATE_LIMITED */
  take(name: string, now: number = performance.now()): void {
    const retryAfterMs = this.tryTake(name, 1, now);
    if (retryAfterMs > 0) throw new ToolError('ERROR_RATE_LIMITED', 'too many requests', { retryAfterMs });
  }

  /** 0 if they were there and are taken; else for how long to wait, in ms. */
  tryTake(name: string, tokens = 1, now: number = performance.now()): number {
    if (this.#buckets.size >= MAX_BUCKETS && !this.#buckets.has(name)) this.#makeRoom(now);
    const bucket = this.#buckets.get(name) ?? { tokens: this.#burst, at: now };
    bucket.tokens = Math.min(this.#burst, bucket.tokens + ((now - bucket.at) / 1000) * this.#perSecond);
    bucket.at = now;
    this.#buckets.set(name, bucket);
    if (bucket.tokens < tokens) return Math.ceil(((tokens - bucket.tokens) / this.#perSecond) * 1000);
    bucket.tokens -= tokens;
    return 0;
  }

  /** What was taken for nothing. */
  giveBack(name: string, tokens = 1): void {
    const bucket = this.#buckets.get(name);
    if (bucket !== undefined) bucket.tokens = Math.min(this.#burst, bucket.tokens + tokens);
  }

  /** Full buckets say nothing; if too few are, the oldest go, so that a flood of names costs neither memory nor time. */
  #makeRoom(now: number): void {
    for (const [name, { tokens, at }] of this.#buckets) {
      if (tokens + ((now - at) / 1000) * this.#perSecond >= this.#burst) this.#buckets.delete(name);
    }
    let surplus = this.#buckets.size - MAX_BUCKETS * KEPT;
    for (const name of this.#buckets.keys()) {
      if (surplus-- <= 0) break;
      this.#buckets.delete(name);
    }
  }
}
