/**
 * Processes of a cluster, and its database, are killed, held up and told to end at random moments of whole sessions, from enrolment over keys,
 * chunks, evaluation and result to revocation. Clients go on, at whichever front end there is; every session has, bit for bit, the right result,
 * once, when it ends and when all have ended. FAULT_POINTS says how often each fault strikes, FAULTS which ones do (an expression that their names match).
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../../compiler/random.ts';
import { nativeUnavailable } from '../../../runtime/backends/native/load-addon.ts';
import { SecretClient } from '../../../runtime/client/secret-client.ts';
import { Evaluator } from '../../../runtime/evaluation/evaluator.ts';
import { encodeCiphertextSet } from '../../../runtime/formats/ciphertext-set.ts';
import { encodeEvaluationKeys } from '../../../runtime/formats/evaluation-keys.ts';
import { sha256Of } from '../../protocol/identifiers.ts';
import type { JobKind } from '../../storage/evaluation-queue.ts';
import { postgresMissing } from '../../storage/testing/postgres-server.ts';
import type { Fault, Struck } from '../../testing/cluster-faults.ts';
import { FAULTS, GATES } from '../../testing/cluster-faults.ts';
import { ClusterProcesses } from '../../testing/cluster-processes.ts';
import type { SessionPlan, Step } from '../../testing/insistent-client.ts';
import { InsistentClient } from '../../testing/insistent-client.ts';
import { compileFixture, digit } from '../../testing/served-model.ts';

const POINTS = Number(process.env['FAULT_POINTS'] ?? 1);
const CHOSEN = FAULTS.filter(({ name }) => new RegExp(process.env['FAULTS'] ?? '').test(name));
const INPUTS = 4;
/** Sessions without a fault, which say how long steps take. */
const CALM = 4;
/** A moment that lasts a few milliseconds may be missed. */
const TRIES = 20;
const POINT_MS = 400_000;

/** Each first end of each session. */
const ENDS = [
  'CREATE TABLE ends (client_id text, session_id text)',
  `CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN INSERT INTO ends VALUES (NEW.client_id, NEW.session_id); RETURN NEW; END $$`,
  `CREATE TRIGGER note_end AFTER UPDATE ON sessions FOR EACH ROW
     WHEN (NEW.outcome IS DISTINCT FROM OLD.outcome) EXECUTE FUNCTION note_end()`,
];

const missing = postgresMissing();
if (missing !== null) it.skip(missing, () => undefined);
else {
  const world = new AsyncDisposableStack();
  const typical = new Map<Step | JobKind, number>();
  const ended: { readonly client: InsistentClient; readonly plan: SessionPlan; readonly keyRef: string }[] =
    [];
  const random = new Random(2026);
  let cluster: ClusterProcesses;
  let plans: readonly SessionPlan[];
  let clients = 0;

  beforeAll(async () => {
    const backend = nativeUnavailable() === null ? 'native' : 'seal';
    const model = world.use(await compileFixture('digits-square', 100, backend));
    await using secret = await SecretClient.generate(model.artifact.signature);
    const evaluationKeys = await secret.makeEvaluationKeys();
    await using evaluator = await Evaluator.create(model.artifact, evaluationKeys, { backend, threads: 1 });
    const keys = encodeEvaluationKeys(evaluationKeys);
    plans = await Promise.all(
      Array.from({ length: INPUTS }, async (_, i): Promise<SessionPlan> => {
        const set = await secret.encrypt([await digit(model.artifact, `${i}-0`)]);
        // Evaluation is deterministic: not a bit may differ.
        const expected = sha256Of(encodeCiphertextSet((await evaluator.evaluate(set)).outputs));
        const input = encodeCiphertextSet(set);
        return { keys, input, expected, keyChunks: 4, inputChunks: 3, polls: i % 2 === 1 };
      }),
    );
    cluster = world.use(await ClusterProcesses.start({ artifact: model.file, fronts: 2, workers: 3 }));
    for (const sql of [...ENDS, ...GATES]) await cluster.database.run(sql);
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
      ended.push({ client, plan, keyRef });
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
        console.log(`${fault.name}: ${hits}`);
        expect(hits).toBe(POINTS);
      },
      POINTS * POINT_MS,
    );
  }

  it('has all that was acknowledged, has ended every session once, and has nothing left to do', async () => {
    for (const { client, plan, keyRef } of ended) {
      await client.verify(plan, keyRef);
      await client.close();
    }
    const { database } = cluster;
    const ends = await database.all(
      `SELECT client_id, count(*) AS n FROM ends WHERE session_id = 'session' GROUP BY client_id ORDER BY client_id`,
    );
    expect(ends.map(({ client_id, n }) => [client_id, Number(n)])).toEqual(
      ended.map(({ client }) => [client.name, 1]).sort(([a], [b]) => (a! < b! ? -1 : 1)),
    );
    expect(await database.all(`SELECT * FROM jobs WHERE state <> 'ended'`)).toEqual([]);
    expect(await database.all('SELECT * FROM turns WHERE waiting <> 0 OR running <> 0')).toEqual([]);
    expect(await database.all('SELECT * FROM crashes')).toEqual([]);
  }, 300_000);
}
