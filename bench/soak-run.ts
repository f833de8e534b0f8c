/**
 * Many inferences by several clients against one server that is stopped and killed in between, on the same state. Every result is held
 * against an evaluation outside of the server, bit for bit. Clients repeat what a restart broke, as the library does for everyone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BackendError } from '../src/errors.ts';
import { decodeArtifact } from '../src/program/codec.ts';
import { readFile } from 'node:fs/promises';
import { evaluationBackend } from '../src/server/inference/evaluation/evaluation-backend.ts';
import { CrashingServer, freePort } from '../src/server/testing/crash-server.ts';
import { Participant } from './serve-participant.ts';
import type { Resources } from './server-resources.ts';
import { readResources } from './server-resources.ts';
import { Traffic } from './traffic.ts';

export interface SoakOptions {
  /** Of all clients together. */
  readonly inferences: number;
  readonly clients: number;
  /** Spread over the run; every second one is kill −9. */
  readonly restarts: number;
  /** Of one evaluation. */
  readonly threads: number;
}

export interface Restart {
  readonly kind: 'SIGTERM' | 'SIGKILL';
  /** Inferences that were done by then. */
  readonly after: number;
  /** Null after SIGKILL. */
  readonly exitCode: number | null;
  /** From the signal until the next process listens. */
  readonly wallMs: number;
}

export interface SoakResult {
  readonly inferences: number;
  /** Not the bits that they should be. */
  readonly wrong: number;
  /** Inferences that ended in an error, after all repetitions: their messages. */
  readonly failed: readonly string[];
  readonly requests: number;
  /** HTTP requests that had no answer or another status than 200, by status; they were repeated. */
  readonly repeated: Readonly<Record<string, number>>;
  readonly wallMs: number;
  readonly restarts: readonly Restart[];
  /** At the start, ten times on the way, and at the end when nothing is asked any more. */
  readonly resources: readonly Sample[];
}

export interface Sample extends Resources {
  /** Inferences that were done by then, and when that was. */
  readonly after: number;
  readonly atMs: number;
}

const INPUTS = 4;
const SAMPLES = 10;
const CALM_MS = 3000;
const POLL_MS = 20;

/** @param artifactFile for which the server's model is; @param entry of the command line */
export async function soak(artifactFile: string, options: SoakOptions, entry?: string): Promise<SoakResult> {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-soak-'));
  const artifact = decodeArtifact(await readFile(artifactFile));
  const state = join(folder, 'state');
  const args = [
    ...[artifactFile, '--http', `127.0.0.1:${await freePort()}`, '--state', state, '--open-enrolment'],
    ...['--threads', String(options.threads)],
  ];
  const server = await CrashingServer.start(args, entry);
  const participants: Participant[] = [];
  const traffic = new Traffic();
  try {
    for (let i = 0; i < options.clients; i++) {
      const backend = evaluationBackend(artifact);
      const join = { fetch: traffic.fetch };
      participants.push(await Participant.join(server.url, artifact, backend, i, INPUTS, folder, join));
    }
    const run = new Run(options, server, () => readResources(server.processId, state));
    await run.sample();
    const start = performance.now();
    await Promise.all([...participants.map((one) => run.ask(one)), run.restartNowAndThen()]);
    const wallMs = performance.now() - start;
    await delay(CALM_MS);
    await run.sample();
    const { requests, repeated } = traffic.take();
    return { inferences: run.done, ...run.outcome, requests, repeated, wallMs };
  } finally {
    for (const participant of participants) await participant[Symbol.asyncDispose]();
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

class Run {
  readonly #options: SoakOptions;
  readonly #server: CrashingServer;
  readonly #read: () => Promise<Resources>;
  readonly #failed: string[] = [];
  readonly #restarts: Restart[] = [];
  readonly #resources: Sample[] = [];
  readonly #start = performance.now();
  #begun = 0;
  #wrong = 0;
  done = 0;

  constructor(options: SoakOptions, server: CrashingServer, read: () => Promise<Resources>) {
    this.#options = options;
    this.#server = server;
    this.#read = read;
  }

  get outcome(): Pick<SoakResult, 'wrong' | 'failed' | 'restarts' | 'resources'> {
    return {
      wrong: this.#wrong,
      failed: this.#failed,
      restarts: this.#restarts,
      resources: this.#resources,
    };
  }

  async sample(): Promise<void> {
    const atMs = Math.round(performance.now() - this.#start);
    this.#resources.push({ after: this.done, atMs, ...(await this.#read()) });
  }

  /** One client's share: whoever is ready takes the next. */
  async ask(participant: Participant): Promise<void> {
    while (this.#begun < this.#options.inferences) {
      const number = this.#begun++;
      const session = `soak-${number}`;
      try {
        await participant.infer(session, number % INPUTS, 0);
      } catch (error) {
        if (error instanceof BackendError && error.code === 'BENCH_FAILED') this.#wrong++;
        else this.#failed.push(`${session}: ${error instanceof Error ? error.message : 'not an error'}`);
      }
      await participant.discard(session);
      this.done++;
      if (this.done % Math.ceil(this.#options.inferences / SAMPLES) === 0) await this.sample();
    }
  }

  async restartNowAndThen(): Promise<void> {
    const { inferences, restarts } = this.#options;
    for (let i = 1; i <= restarts; i++) {
      while (this.done < (i * inferences) / (restarts + 1)) await delay(POLL_MS);
      const start = performance.now();
      const kind = i % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
      const exitCode =
        kind === 'SIGKILL' ? await this.#server.kill().then(() => null) : await this.#server.stop();
      await this.#server.restart();
      this.#restarts.push({ kind, after: this.done, exitCode, wallMs: performance.now() - start });
    }
  }
}
