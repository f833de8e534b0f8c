/** What a server and its evaluation processes use, from outside: memory from the system, counters from `/metrics`. */
import { execFileSync } from 'node:child_process';
import type { ServerProcess } from '../src/server/testing/crash-server.ts';

const SAMPLE_MS = 250;

/** Differences between two moments. */
export interface ServerCounters {
  readonly evaluationSeconds: number;
  /** From starting a process until its keys are loaded; several at a time count each. */
  readonly loadingSeconds: number;
  readonly processStarts: number;
  readonly evictions: number;
}

export class ServerWatch implements Disposable {
  readonly #server: ServerProcess;
  readonly #timer: NodeJS.Timeout;
  #peakChildren = 0;
  #peakServer = 0;

  constructor(server: ServerProcess) {
    this.#server = server;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Resident, all evaluation processes together. */
  get peakChildrenBytes(): number {
    return this.#peakChildren;
  }

  get peakServerBytes(): number {
    return this.#peakServer;
  }

  async counters(): Promise<ServerCounters> {
    const text = await (await fetch(new URL('/metrics', this.#server.url))).text();
    const sum = (name: string): number =>
      [...text.matchAll(new RegExp(`^he_compile_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
        (total, [, value]) => total + Number(value),
        0,
      );
    return {
      evaluationSeconds: sum('evaluation_seconds_total'),
      loadingSeconds: sum('evaluator_loading_seconds_total'),
      processStarts: sum('evaluator_starts_total'),
      evictions: sum('evaluator_evictions_total'),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const rows = execFileSync('ps', ['-o', 'pid=,ppid=,rss=', '-A'], { encoding: 'utf8' }).trim().split('\n');
    let children = 0;
    for (const row of rows) {
      const [own, parent, kibibytes] = row.trim().split(/\s+/).map(Number);
      if (own === this.#server.processId) this.#peakServer = Math.max(this.#peakServer, kibibytes! * 1024);
      if (parent === this.#server.processId) children += kibibytes! * 1024;
    }
    this.#peakChildren = Math.max(this.#peakChildren, children);
  }
}
