/** A call that this process is at work on, whoever waits for it: what it does now, and who hears of that. */
import type { ToolReport } from '../protocol/tool.ts';

export class RunningCall {
  readonly #controller = new AbortController();
  readonly #listeners = new Set<ToolReport>();
  #fraction = 0;
  #message = '';
  /** When the call has ended, and that is on record; never fails. */
  readonly finished: Promise<void>;

  /** @param work never fails */
  constructor(work: (signal: AbortSignal, report: ToolReport) => Promise<void>) {
    this.finished = work(this.#controller.signal, (fraction, message) => {
      this.#fraction = Math.max(this.#fraction, fraction);
      if (message !== undefined) this.#message = message;
      for (const listener of this.#listeners) listener(fraction, message);
    });
  }

  /** For people. */
  get doing(): string {
    return this.#message === '' ? 'beginning' : `${this.#message} (${Math.floor(100 * this.#fraction)} %)`;
  }

  /** @param reason words: what was begun is undone; an error: it goes on later */
  stop(reason: string | Error): void {
    this.#controller.abort(reason);
  }

  /** Until it has ended, or the caller leaves. @throws the signal's reason */
  async wait(report: ToolReport, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#listeners.add(report);
    let leave = (): void => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
      signal.addEventListener('abort', leave, { once: true });
    });
    try {
      await Promise.race([this.finished, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#listeners.delete(report);
    }
  }
}
