/** What servers and their evaluation processes use, from outside: memory from the system, counters from `/metrics`. */
import { execFileSync } from 'node:child_process';

const SAMPLE_MS = 250;

/** One of the processes that serve: it has evaluation processes, or counts something. */
export interface WatchedProcess {
  readonly url: string;
  readonly processId: number | null;
}

/** Differences between two moments. */
export interface ServerCounters {
  readonly evaluationSeconds: number;
  /** From starting a process until its keys are loaded; several at a time count each. */
  readonly loadingSeconds: number;
  readonly processStarts: number;
  readonly evictions: number;
}

export class ServerWatch implements Disposable {
  readonly #servers: readonly WatchedProcess[];
  readonly #timer: NodeJS.Timeout;
  #peakChildren = 0;
  #peakServer = 0;

  constructor(servers: readonly WatchedProcess[]) {
    this.#servers = servers;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Resident, all evaluation processes together. */
  get peakChildrenBytes(): number {
    return this.#peakChildren;
  }

  /** Resident, all others together. */
  get peakServerBytes(): number {
    return this.#peakServer;
  }

  async counters(): Promise<ServerCounters> {
    const texts = await Promise.all(
      this.#servers.map(async ({ url }) => (await fetch(new URL('/metrics', url))).text()),
    );
    const text = texts.join('\n');
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
    const serving = new Set(this.#servers.map(({ processId }) => processId));
    let [servers, children] = [0, 0];
    for (const row of rows) {
      const [own, parent, kibibytes] = row.trim().split(/\s+/).map(Number);
      if (serving.has(own!)) servers += kibibytes! * 1024;
      else if (serving.has(parent!)) children += kibibytes! * 1024;
    }
    this.#peakServer = Math.max(this.#peakServer, servers);
    this.#peakChildren = Math.max(this.#peakChildren, children);
  }
}
