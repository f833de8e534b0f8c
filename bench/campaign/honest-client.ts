/** An honest client that classifies all the time: how long each classification takes, what fails, and what it had to ask again. */
import type { JoinOptions } from '../serve-participant.ts';
import type { Participant } from '../serve-participant.ts';
import { Traffic } from '../traffic.ts';

export interface HonestWork {
  readonly classifications: number;
  /** That ended in an error, after all that the client does about one; a result that is wrong by a bit is one too. */
  readonly failed: readonly string[];
  /** HTTP requests, and those that were not answered with 200, by status, which the client repeated. */
  readonly requests: number;
  readonly repeated: Readonly<Record<string, number>>;
  /** From the upload to the result, of each classification. */
  readonly latencyMs: Spread;
  /** From sending an HTTP request to the end of its answer's head. */
  readonly requestMs: Spread;
  /** As the server measured it; waiting in the queue is not in it. */
  readonly evaluationMs: Spread;
}

export interface Spread {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
}

const PAUSE_MS = 50;

export class HonestClient {
  readonly #traffic = new Traffic();
  #participant: Participant | null = null;
  #sessions = 0;

  /** What its participant is to send with. */
  readonly options: JoinOptions = { fetch: this.#traffic.fetch };

  set participant(joined: Participant) {
    this.#participant = joined;
  }

  /** Until `over` says so, but one classification at least. @param inputs as many as the participant has */
  async work(over: () => boolean, inputs: number): Promise<HonestWork> {
    const participant = this.#participant!;
    this.#traffic.take();
    const latencies: number[] = [];
    const evaluations: number[] = [];
    const failed: string[] = [];
    do {
      const session = `honest-${this.#sessions++}`;
      try {
        const { wallMs, evaluationMs } = await participant.infer(session, this.#sessions % inputs, 0);
        latencies.push(wallMs);
        evaluations.push(evaluationMs);
      } catch (error) {
        failed.push(error instanceof Error ? error.message : 'not an error');
      }
      await participant.discard(session);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    } while (!over());
    const { requests, repeated, requestMs } = this.#traffic.take();
    return {
      classifications: latencies.length + failed.length,
      failed,
      requests,
      repeated,
      latencyMs: spread(latencies),
      requestMs: spread(requestMs),
      evaluationMs: spread(evaluations),
    };
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (fraction: number): number =>
    Math.round(10 * (sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? 0)) / 10;
  return { median: at(0.5), p95: at(0.95), max: at(1) };
}
