/**
 * Processes of a cluster, its database and its object store are killed, held up and told to end at random moments of whole sessions, from enrolment over
 * keys, chunks, evaluation and result to revocation. Clients go on, at whichever front end there is; every session has, bit for bit, the right result,
 * once, when it ends and when all have ended. FAULT_POINTS says how often each fault strikes, FAULTS which ones do (an expression that their names match).
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../../compiler/random.ts';
import type { JobKind } from '../../storage/evaluation-queue.ts';
import { postgresMissing } from '../../storage/testing/postgres-server.ts';
import { swiftMissing } from '../../storage/testing/swift-server.ts';
import type { Fault, Struck } from '../../testing/cluster-faults.ts';
import { FAULTS, GATES } from '../../testing/cluster-faults.ts';
import { ClusterProcesses } from '../../testing/cluster-processes.ts';
import { EndedSessions } from '../../testing/ended-sessions.ts';
import type { SessionPlan, Step } from '../../testing/insistent-client.ts';
import { InsistentClient } from '../../testing/insistent-client.ts';
import { makeSessionPlans } from '../../testing/session-plans.ts';

const POINTS = Number(process.env['FAULT_POINTS'] ?? 1);
const CHOSEN = FAULTS.filter(({ name }) => new RegExp(process.env['FAULTS'] ?? '').test(name));
const INPUTS = 4;
/** Sessions without a fault, which say how long steps take. */
const CALM = 4;
/** A moment that lasts a few milliseconds may be missed. */
const TRIES = 20;
const POINT_MS = 400_000;

const missing = postgresMissing() ?? swiftMissing();
if (missing !== null) it.skip(missing, () => undefined);
else {
  const world = new AsyncDisposableStack();
  const typical = new Map<Step | JobKind, number>();
  const random = new Random(2026);
  let ended: EndedSessions;
  let cluster: ClusterProcesses;
  let plans: readonly SessionPlan[];
  let clients = 0;

  beforeAll(async () => {
    const made = world.use(await makeSessionPlans(INPUTS));
    ({ plans } = made);
    cluster = world.use(
      await ClusterProcesses.start({ artifact: made.model.file, fronts: 2, workers: 3, s3: true }),
    );
    ended = await EndedSessions.watch(cluster.database);
    for (const sql of GATES) await cluster.database.run(sql);
    for (let i = 0; i < CALM; i++) await session(null);
  }, 240_000);
  afterAll(() => world.disposeAsync());

  /** @returns whether the fault struck */
  const session = async (fault: Fault | null): Promise<boolean> => {
    const name = `client-${clients++}`;
    const plan = plans[clients % INPUTS]!;
    let front = cluster.fronts[0]!;
    const waiting = new Map<Step, () => void>();
    const client = new InsistentClient(
      name,
      () => {
        front = cluster.next();
        return front.url;
      },
      {
        begins(step) {
          waiting.get(step)?.();
          waiting.delete(step);
        },
        ends(step, ms) {
          if (fault !== null) return;
          typical.set(step, ms);
          if (step === 'commit') typical.set('keys', ms);
          if (step === 'infer') typical.set('session', ms);
        },
      },
    );
    const struck: Struck = {
      ...{ cluster, random, clientId: name },
      begins: (step) => new Promise((resolve) => waiting.set(step, resolve)),
      typicalMs: (what) => typical.get(what) ?? 0,
      get front() {
        return front;
      },
    };
    const striking = fault?.strike(struck) ?? Promise.resolve(false);
    try {
      const [hit, { keyRef }] = await Promise.all([striking, client.session(plan)]);
      ended.add({ client, plan, keyRef });
      return hit;
    } catch (error) {
      console.error(cluster.logs);
      throw error;
    } finally {
      await striking.catch(() => undefined);
      await client.close();
    }
  };

  for (const fault of CHOSEN) {
    it(
      `ends every session when ${fault.name} (${POINTS} times)`,
      async () => {
        let hits = 0;
        for (let tries = 0; hits < POINTS && tries < POINTS * TRIES; tries++)
          if (await session(fault)) hits++;
        expect(hits).toBe(POINTS);
      },
      POINTS * POINT_MS,
    );
  }

  it('has all that was acknowledged, has ended every session once, and has nothing left to do', async () => {
    await ended.expectOnceEach();
  }, 300_000);
}
