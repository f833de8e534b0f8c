/** Progress on stderr: one line that redraws itself on a terminal, a line per stage elsewhere. */
import type { WriteStream } from 'node:tty';

export type ErrorStream = Pick<WriteStream, 'write'> & {
  readonly isTTY?: boolean;
  readonly columns?: number;
};

const BAR_CELLS = 24;
const REDRAW_MS = 80;
const CLEAR_LINE = '\r\u001b[2K';

export class ProgressLine {
  readonly #stream: ErrorStream;
  readonly #now: () => number;
  /** Stages that have had their line; some come back again and again. */
  readonly #announced = new Set<string>();
  #stage = '';
  #stageStart = 0;
  #fraction = 0;
  #lastDraw = Number.NEGATIVE_INFINITY;
  #drawn = false;

  constructor(stream: ErrorStream, now: () => number = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
  }

  /** `fraction` in 0 … 1 of `stage`. */
  report(stage: string, fraction: number): void {
    const changed = stage !== this.#stage;
    if (changed) {
      this.#stage = stage;
      this.#stageStart = this.#now();
    }
    if (this.#stream.isTTY !== true) {
      if (!this.#announced.has(stage)) this.#stream.write(`${stage} …\n`);
      this.#announced.add(stage);
      return;
    }
    this.#fraction = fraction;
    if (!changed && fraction < 1 && this.#now() - this.#lastDraw < REDRAW_MS) return;
    this.#draw();
  }

  /** Draws the same stage with the time that has passed, so that people see it live while nothing is reported. */
  redraw(): void {
    if (this.#drawn) this.#draw();
  }

  #draw(): void {
    this.#lastDraw = this.#now();
    this.#drawn = true;
    this.#stream.write(CLEAR_LINE + this.#render(this.#fraction));
  }

  /** Writes a line of its own above the bar. */
  note(line: string): void {
    this.clear();
    this.#stream.write(`${line}\n`);
  }

  clear(): void {
    if (this.#drawn) this.#stream.write(CLEAR_LINE);
    this.#drawn = false;
  }

  #render(fraction: number): string {
    const bounded = Math.min(Math.max(fraction, 0), 1);
    const filled = Math.round(bounded * BAR_CELLS);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
    const seconds = (this.#now() - this.#stageStart) / 1000;
    const text = `${bar} ${String(Math.round(bounded * 100)).padStart(3)} %  ${this.#stage}  ${seconds.toFixed(1)} s`;
    return text.slice(0, (this.#stream.columns ?? 80) - 1);
  }
}
