/** A rolling upgrade: front ends and workers of this version and of one with a migration more side by side, while clients go on. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MIGRATIONS } from '../../storage/postgres/migrations/list.ts';
import { postgresMissing } from '../../storage/testing/postgres-server.ts';
import { ClusterProcesses } from '../../testing/cluster-processes.ts';
import { THIS_VERSION } from '../../testing/crash-server.ts';
import { EndedSessions } from '../../testing/ended-sessions.ts';
import type { SessionPlan } from '../../testing/insistent-client.ts';
import { InsistentClient } from '../../testing/insistent-client.ts';
import { makeSessionPlans } from '../../testing/session-plans.ts';

const NEXT_VERSION = join(import.meta.dirname, '../../../../cli/testing/start-next-version.ts');
const CLIENTS = 3;
/** Sessions that end between two steps of the upgrade. */
const BETWEEN = 4;

const missing = postgresMissing();
if (missing !== null) it.skip(missing, () => undefined);
else {
  const world = new AsyncDisposableStack();
  let cluster: ClusterProcesses;
  let ended: EndedSessions;
  let plans: readonly SessionPlan[];

  beforeAll(async () => {
    const made = world.use(await makeSessionPlans(4));
    ({ plans } = made);
    cluster = world.use(
      await ClusterProcesses.start({ artifact: made.model.file, fronts: 2, workers: 2, s3: false }),
    );
    ended = await EndedSessions.watch(cluster.database);
  }, 240_000);
  afterAll(() => world.disposeAsync());

  it('loses nothing when one after another is replaced, nor when one goes back', async () => {
    const version = async (): Promise<number> =>
      Number((await cluster.database.get('SELECT version AS n FROM schema_state'))?.['n']);
    let over = false;
    const client = async (of: number): Promise<void> => {
      for (let i = 0; !over; i++) {
        const plan = plans[(of + i) % plans.length]!;
        const one = new InsistentClient(`client-${of}-${i}`, () => cluster.next().url, {
          begins: () => undefined,
          ends: () => undefined,
        });
        const { keyRef } = await one.session(plan);
        await one.close();
        ended.add({ client: one, plan, keyRef });
      }
    };
    const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)));
    clients.catch(() => (over = true));
    const someEnd = async (): Promise<void> => {
      for (const until = ended.count + BETWEEN; !over && ended.count < until;)
        await new Promise((resolve) => setTimeout(resolve, 50));
    };
    const [front, otherFront] = cluster.fronts as [(typeof cluster.fronts)[0], (typeof cluster.fronts)[0]];
    try {
      await someEnd();
      expect(await version()).toBe(MIGRATIONS.length);
      for (const member of [front, ...cluster.workers, otherFront]) {
        expect(await member.stop(), member.name).toBe(0);
        await member.start(NEXT_VERSION);
        expect(await version()).toBe(MIGRATIONS.length + 1);
        await someEnd();
      }
      // Back: the version before can live with the schema of the one after it.
      expect(await front.stop()).toBe(0);
      await front.start(THIS_VERSION);
      await someEnd();
    } catch (error) {
      console.error(cluster.logs);
      throw error;
    } finally {
      over = true;
    }
    await clients;
    expect(ended.count).toBeGreaterThan(5 * BETWEEN);
    await ended.expectOnceEach();
  }, 300_000);
}
