/**
 * A cluster of real processes on loopback: PostgreSQL, an object store, front ends (`serve`) and workers (`work`), each of which may be killed, held
 * up and started again.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InternalError } from '../../errors.ts';
import { PostgresDatabase } from '../storage/postgres/postgres-database.ts';
import { freePorts } from '../storage/testing/loopback-process.ts';
import { PostgresServer } from '../storage/testing/postgres-server.ts';
import { SwiftServer } from '../storage/testing/swift-server.ts';
import type { StayingProcess } from './crash-server.ts';
import { startCommand, THIS_VERSION } from './crash-server.ts';

const run = promisify(execFile);
/** Of the log of one member. */
const KEPT = 20_000;

export interface ClusterShape {
  /** The model that front ends serve. */
  readonly artifact: string;
  readonly fronts: number;
  readonly workers: number;
  /** Keys, inputs and results in S3; else in PostgreSQL. */
  readonly s3: boolean;
  /** Of the command line; the sources. */
  readonly entry?: string;
  /** Options of `work` besides. */
  readonly workerOptions?: readonly string[];
}

export class ClusterProcesses implements AsyncDisposable {
  readonly postgres: PostgresServer;
  readonly swift: SwiftServer | null;
  /** What the tests look at it through. */
  readonly database: PostgresDatabase;
  readonly fronts: readonly Member[];
  readonly workers: readonly WorkerMember[];
  readonly #closing: AsyncDisposableStack;
  #turn = 0;

  static async start({
    artifact,
    fronts,
    workers,
    s3,
    entry = THIS_VERSION,
    workerOptions = [],
  }: ClusterShape): Promise<ClusterProcesses> {
    await using opened = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), 'he-compile-cluster-'));
    opened.defer(() => rm(folder, { recursive: true, force: true }));
    const postgres = opened.use(await PostgresServer.start());
    const serverKey = join(folder, 'server-key.pem');
    await run('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', serverKey]);
    const swift = s3 ? opened.use(await SwiftServer.start()) : null;
    // Processes have it from there.
    Object.assign(process.env, swift?.environment);
    const stores = ['--database', postgres.address, '--blobs', swift?.address ?? 'postgres'];
    const all: Member[] = [];
    for (const port of await freePorts(fronts)) {
      const address = ['--http', `127.0.0.1:${port}`, '--state', join(folder, `front-${all.length}`)];
      const options = [...stores, ...address, '--server-key', serverKey, '--open-enrolment'];
      const front = new Member(`front ${all.length}`, ['serve', artifact, ...options], /listening on (\S+)/);
      opened.defer(() => front.kill());
      await front.start(entry);
      all.push(front);
    }
    const database = opened.use(await PostgresDatabase.open(postgres.address, { migrate: false }));
    const workerMembers: WorkerMember[] = [];
    for (let i = 0; i < workers; i++) {
      const own = ['--cache', join(folder, `cache-${i}`), '--http', '127.0.0.1:0'];
      const options = [...stores, ...own, '--threads', '1', '--evaluations', '1', ...workerOptions];
      const worker = new WorkerMember(`worker ${i}`, ['work', ...options], database);
      opened.defer(() => worker.kill());
      await worker.start(entry);
      workerMembers.push(worker);
    }
    return new ClusterProcesses(postgres, swift, database, all, workerMembers, opened.move());
  }

  private constructor(
    postgres: PostgresServer,
    swift: SwiftServer | null,
    database: PostgresDatabase,
    fronts: readonly Member[],
    workers: readonly WorkerMember[],
    closing: AsyncDisposableStack,
  ) {
    this.postgres = postgres;
    this.swift = swift;
    this.database = database;
    this.fronts = fronts;
    this.workers = workers;
    this.#closing = closing;
  }

  /** As a balancer without stickiness: another front end each time, that listens. */
  next(): Member {
    for (;;) {
      const front = this.fronts[this.#turn++ % this.fronts.length]!;
      if (front.running || this.fronts.every(({ running }) => !running)) return front;
    }
  }

  /** @param name as the queue has it */
  worker(name: string): WorkerMember {
    const worker = this.workers.find((one) => one.queueName === name);
    if (worker === undefined) throw new InternalError(`no worker is called ${name}`);
    return worker;
  }

  /** What all have said last. */
  get logs(): string {
    return [...this.fronts, ...this.workers].map(({ name, log }) => `--- ${name}\n${log}`).join('\n');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing.disposeAsync();
  }
}

/** One process, at the same address after every start. */
export class Member {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #readiness: RegExp;
  #entry = THIS_VERSION;
  #process: StayingProcess | null = null;
  #ready = '';
  #log = '';

  constructor(name: string, args: readonly string[], readiness: RegExp) {
    this.name = name;
    this.#args = args;
    this.#readiness = readiness;
  }

  get running(): boolean {
    return this.#process !== null;
  }

  /** Of /mcp, or of a worker's pages for operators. */
  get url(): string {
    return this.#ready;
  }

  get log(): string {
    return this.#log;
  }

  /** Of its present process. */
  get processId(): number | null {
    return this.#process?.processId ?? null;
  }

  /** @param entry of the command line; the one of before */
  async start(entry = this.#entry): Promise<void> {
    this.#entry = entry;
    const hear = (text: string): void => {
      this.#log = (this.#log + text).slice(-KEPT);
    };
    const { process, ready } = await startCommand(this.#args, this.#readiness, entry, hear);
    this.#ready = ready;
    this.#process = process;
  }

  /** SIGKILL, and gone when it resolves. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = null;
    await process?.kill();
  }

  /** SIGTERM; the exit code, null if it did not end by itself. */
  async stop(): Promise<number | null> {
    const process = this.#process;
    this.#process = null;
    return (await process?.stop()) ?? null;
  }

  suspend(): void {
    this.#process?.suspend();
  }

  resume(): void {
    this.#process?.resume();
  }
}

export class WorkerMember extends Member {
  readonly #database: PostgresDatabase;
  #queueName = '';

  constructor(name: string, args: readonly string[], database: PostgresDatabase) {
    super(name, args, /listening on (\S+)[^]*takes jobs/);
    this.#database = database;
  }

  /** Under which its present process claims jobs. */
  get queueName(): string {
    return this.#queueName;
  }

  override async start(entry?: string): Promise<void> {
    const before = await this.#names();
    await super.start(entry);
    this.#queueName = [...(await this.#names())].find((name) => !before.has(name)) ?? '';
  }

  async #names(): Promise<ReadonlySet<string>> {
    const rows = await this.#database.all('SELECT name FROM workers');
    return new Set(rows.map(({ name }) => name as string));
  }
}
