/** What happens to clusters, as tests make it happen: each fault waits for its moment in a session that is under way, strikes, and mends what it broke. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../compiler/random.ts';
import { InternalError } from '../../errors.ts';
import type { JobKind } from '../storage/evaluation-queue.ts';
import type { ClusterProcesses, Member, WorkerMember } from './cluster-processes.ts';
import type { Step } from './insistent-client.ts';
import { STEPS } from './insistent-client.ts';

/** The session that a fault is to strike, while it is under way. */
export interface Struck {
  readonly cluster: ClusterProcesses;
  readonly clientId: string;
  readonly random: Random;
  /** When the client begins a step. */
  begins(step: Step): Promise<void>;
  /** How long that takes without a fault; of jobs as well. */
  typicalMs(what: Step | JobKind): number;
  /** The front end that the client is connected to. */
  readonly front: Member;
}

export interface Fault {
  readonly name: string;
  /** @returns false if the moment had passed before it struck, and nothing was harmed */
  strike(session: Struck): Promise<boolean>;
}

interface Running {
  readonly worker: WorkerMember;
  readonly epoch: number;
}

const LOOK_MS = 3;
const MOMENT_MS = 120_000;
/** Any number. */
const GATE = 4711;
/** Longer than a worker's lease, and than anybody waits for a database. */
const AWAY_MS = 30_000;

/** For each client in `gates`, whoever wants to end a job of its waits until the lock is free. */
export const GATES = [
  'CREATE TABLE gates (client_id text PRIMARY KEY)',
  `CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF EXISTS (SELECT FROM gates WHERE client_id = OLD.client_id) THEN PERFORM pg_advisory_xact_lock(${GATE}); END IF;
       RETURN OLD;
     END $$`,
  'CREATE TRIGGER gate BEFORE DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION gate()',
];

export const FAULTS: readonly Fault[] = [
  {
    name: 'a worker is killed while it loads keys',
    strike: (session) => onWorker(session, 'keys', killed),
  },
  {
    name: 'a worker is killed while it evaluates',
    strike: (session) => onWorker(session, 'session', killed),
  },
  {
    name: 'a worker is killed between the result and its record',
    strike: (session) => beforeRecord(session, killed),
  },
  {
    name: 'a worker is held up for longer than its lease while it evaluates',
    strike: (session) => onWorker(session, 'session', heldUp),
  },
  {
    name: 'a worker is held up for longer than its lease between the result and its record',
    strike: (session) => beforeRecord(session, heldUp),
  },
  {
    name: 'a worker is told to end while it evaluates',
    strike: (session) => onWorker(session, 'session', ended),
  },
  {
    name: 'a front end is killed during an upload',
    async strike(session) {
      await within(session, oneOf(session, ['key chunk', 'input chunk']));
      return again(session.front);
    },
  },
  {
    name: 'a front end is killed while its client waits',
    async strike(session) {
      await within(session, oneOf(session, ['commit', 'infer']));
      return again(session.front);
    },
  },
  {
    name: 'a front end is told to end',
    async strike(session) {
      await within(session, oneOf(session, STEPS));
      const { front } = session;
      requireCleanEnd(front, await front.stop());
      await front.start();
      return true;
    },
  },
  {
    name: 'PostgreSQL is killed',
    async strike(session) {
      await within(session, oneOf(session, STEPS));
      await session.cluster.postgres.kill();
      await session.cluster.postgres.restart();
      return true;
    },
  },
  {
    name: 'PostgreSQL is away for longer than anybody waits',
    async strike(session) {
      await within(session, oneOf(session, STEPS));
      await session.cluster.postgres.stop();
      await sleep(AWAY_MS * (0.5 + 0.5 * session.random.next()));
      await session.cluster.postgres.restart();
      return true;
    },
  },
  {
    name: 'the object store is killed',
    async strike(session) {
      await within(session, oneOf(session, STEPS));
      await session.cluster.swift!.kill();
      await session.cluster.swift!.restart();
      return true;
    },
  },
  {
    name: 'the object store is away for longer than anybody waits',
    async strike(session) {
      await within(session, oneOf(session, STEPS));
      await session.cluster.swift!.kill();
      await sleep(AWAY_MS * (0.5 + 0.5 * session.random.next()));
      await session.cluster.swift!.restart();
      return true;
    },
  },
  {
    name: 'a worker and a front end are killed together, and PostgreSQL as they come back',
    strike: (session) =>
      onWorker(session, 'session', async (_, { worker }) => {
        const { front, cluster } = session;
        await Promise.all([worker.kill(), front.kill()]);
        const back = Promise.all([worker.start(), front.start()]);
        await sleep(500 * session.random.next());
        await cluster.postgres.kill();
        await cluster.postgres.restart();
        await back;
      }),
  },
];

type Blow = (session: Struck, running: Running) => Promise<void>;

const killed: Blow = async (_, { worker }) => {
  await worker.kill();
  await worker.start();
};

/** It is back when another worker has the job, or has ended it: its own result is not taken. */
const heldUp: Blow = async (session, { worker, epoch }) => {
  const { cluster, clientId, random } = session;
  const atOnce = random.next() < 0.5;
  worker.suspend();
  try {
    await until('another worker has the job, or has ended it', async () => {
      const job = await jobOf(session, 'session');
      if (job !== null) return atOnce && job.epoch > epoch;
      return (await resultKey(cluster, clientId)) !== null;
    });
  } finally {
    worker.resume();
  }
  await until('the session is ended', async () => (await resultKey(cluster, clientId)) !== null);
  const result = await resultKey(cluster, clientId);
  if (result?.endsWith(`-${epoch}`) === true)
    throw new InternalError('the result of a worker without a lease was taken');
  await until('the worker is back', async () => (await seenMsAgo(cluster, worker)) < 4000);
  await sleep(1000);
  if ((await resultKey(cluster, clientId)) !== result)
    throw new InternalError('a worker without a lease has changed the result');
};

const ended: Blow = async (_, { worker }) => {
  requireCleanEnd(worker, await worker.stop());
  await worker.start();
};

async function again(member: Member): Promise<true> {
  await member.kill();
  await member.start();
  return true;
}

function requireCleanEnd({ name, log }: Member, code: number | null): void {
  if (code !== 0) throw new InternalError(`${name} ended with ${code}: ${log.slice(-1000)}`);
}

function oneOf<T>({ random }: Struck, many: readonly T[]): T {
  return many[Math.floor(random.next() * many.length)]!;
}

/** Some time after the client has begun a step, or soon after its end. */
async function within(session: Struck, step: Step): Promise<void> {
  await session.begins(step);
  await sleep(1.1 * session.random.next() * session.typicalMs(step));
}

/** Strikes a worker some time after it has begun the client's job. */
async function onWorker(session: Struck, kind: JobKind, blow: Blow): Promise<boolean> {
  let running: Running | null = null;
  await until(`a job (${kind}) runs`, async () => (running = await jobOf(session, kind)) !== null);
  await sleep(session.random.next() * session.typicalMs(kind));
  const now = await jobOf(session, kind);
  if (now === null || now.epoch !== running!.epoch) return false;
  await blow(session, now);
  return true;
}

/** Strikes a worker when it has stored the result, and waits to say so. */
async function beforeRecord(session: Struck, blow: Blow): Promise<boolean> {
  const { database } = session.cluster;
  const holder = database.connection();
  holder.on('error', () => undefined);
  await holder.connect();
  try {
    await holder.query(`SELECT pg_advisory_lock(${GATE})`);
    await database.run('INSERT INTO gates VALUES ($1)', session.clientId);
    await until('a worker wants to end its job', async () => {
      const row = await database.get(
        `SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = ${GATE} AND NOT granted`,
      );
      return Number(row?.['n']) > 0;
    });
    const running = await jobOf(session, 'session');
    if (running === null) throw new InternalError('a job that is not ended has gone');
    const struck = blow(session, running);
    await sleep(50);
    // Others may end it. The one that waits is dead, or does not hear the answer and commits nothing.
    await database.run('DELETE FROM gates');
    await holder.query(`SELECT pg_advisory_unlock(${GATE})`);
    await struck;
    return true;
  } finally {
    await holder.end();
  }
}

async function jobOf({ cluster, clientId }: Struck, kind: JobKind): Promise<Running | null> {
  const row = await cluster.database.get(
    `SELECT worker, epoch FROM jobs WHERE client_id = $1 AND kind = $2 AND state = 'running'`,
    ...[clientId, kind],
  );
  return row === null
    ? null
    : { worker: cluster.worker(row['worker'] as string), epoch: Number(row['epoch']) };
}

async function resultKey({ database }: ClusterProcesses, clientId: string): Promise<string | null> {
  const row = await database.get(
    `SELECT outcome FROM sessions WHERE client_id = $1 AND session_id = 'session' AND state = 'done'`,
    clientId,
  );
  return row === null ? null : (row['outcome'] as { resultKey: string }).resultKey;
}

async function seenMsAgo({ database }: ClusterProcesses, worker: WorkerMember): Promise<number> {
  const row = await database.get(
    'SELECT 1000 * extract(epoch FROM clock_timestamp() - seen_at) AS ms FROM workers WHERE name = $1',
    worker.queueName,
  );
  return Number(row?.['ms'] ?? Infinity);
}

async function until(what: string, is: () => Promise<boolean>): Promise<void> {
  for (const start = performance.now(); !(await is());) {
    if (performance.now() - start > MOMENT_MS) throw new InternalError(`waited in vain until ${what}`);
    await sleep(LOOK_MS);
  }
}
