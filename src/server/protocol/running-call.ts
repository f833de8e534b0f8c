/** Work that this process is at, whoever waits for it: what it does now, and who hears of that. Those who leave leave it as it is. */
import type { ToolReport } from './call.ts';

export class RunningCall<T = void> {
  readonly #controller = new AbortController();
  readonly #listeners = new Set<ToolReport>();
  #fraction = 0;
  #message = '';
  readonly finished: Promise<T>;

  constructor(work: (signal: AbortSignal, report: ToolReport) => Promise<T>) {
    const report: ToolReport = (fraction, message) => {
      this.#fraction = Math.max(this.#fraction, fraction);
      if (message !== undefined) this.#message = message;
      for (const listener of this.#listeners) listener(fraction, message);
    };
    // Not before whoever begins it can listen.
    this.finished = Promise.resolve().then(() => work(this.#controller.signal, report));
    // There may be nobody left to hear of it.
    this.finished.catch(() => undefined);
  }

  /** For people. */
  get doing(): string {
    return this.#message === '' ? 'beginning' : `${this.#message} (${Math.floor(100 * this.#fraction)} %)`;
  }

  /** @param reason words: what was begun is undone; an error: it goes on later */
  stop(reason: string | Error): void {
    this.#controller.abort(reason);
  }

  /** Until it has ended, or the caller leaves. @throws what the work throws; the signal's reason */
  async wait(report: ToolReport, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    this.#listeners.add(report);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([this.finished, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#listeners.delete(report);
    }
  }
}
