/**
 * kill −9 at random moments of whole sessions, from enrolment over keys, chunks, evaluation and result to revocation. Moments are
 * spread over the steps, and within a step over the time that it takes, so that writes are hit as well as waiting. After each
 * restart the client goes on where it was; every session has, bit for bit, the right result, when it ends and when all have ended.
 * CRASH_POINTS says how many sessions.
 */
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Random } from '../../compiler/random.ts';
import { CrashingServer, freePort } from '../testing/crash-server.ts';
import type { SessionPlan, Step } from '../testing/insistent-client.ts';
import { InsistentClient, STEPS } from '../testing/insistent-client.ts';
import { makeSessionPlans } from '../testing/session-plans.ts';

const POINTS = Number(process.env['CRASH_POINTS'] ?? 20);

const INPUTS = 4;
/** Every so often the server that has just come back is killed again. */
const TWICE_EVERY = 8;
const TWICE_WITHIN_MS = 60;

it(`finishes ${POINTS} sessions whose server is killed at a random moment`, async () => {
  await using made = await makeSessionPlans(INPUTS);
  const { model, backend, plans } = made;
  const state = await mkdtemp(join(tmpdir(), 'he-compile-crash-'));
  const address = `127.0.0.1:${await freePort()}`;
  await using server = await CrashingServer.start([
    ...[model.file, '--http', address, '--state', state, '--open-enrolment', '--threads', '1'],
  ]);
  const random = new Random(2026);
  const typicalMs = new Map<Step, number>();
  const hits = new Map<string, number>(STEPS.map((step) => [step, 0]));
  const count = (what: string): void => void hits.set(what, (hits.get(what) ?? 0) + 1);
  const ended: { readonly client: InsistentClient; readonly plan: SessionPlan; readonly keyRef: string }[] =
    [];
  try {
    // The first session is left alone: it says how long steps take.
    for (let point = -1; point < POINTS; point++) {
      const target = point < 0 ? null : STEPS[point % STEPS.length]!;
      const plan = { ...plans[(point + 1) % INPUTS]!, polls: false };
      const { keyChunks, inputChunks } = plan;
      const chunks = target === 'key chunk' ? keyChunks : target === 'input chunk' ? inputChunks : 1;
      let passes = Math.floor(random.next() * chunks);
      let current: Step | 'between steps' = 'between steps';
      let killed: Promise<void> = Promise.resolve();

      const attack = (step: Step): void => {
        if (step !== target || passes-- !== 0) return;
        const delayMs = random.next() * 1.1 * (typicalMs.get(step) ?? 0);
        const again = point % TWICE_EVERY === 0 ? random.next() * TWICE_WITHIN_MS : null;
        killed = new Promise((resolve) => setTimeout(resolve, delayMs)).then(async () => {
          count(current);
          await server.kill();
          if (hasHalfWritten(join(state, 'blobs'))) count('inside a write');
          await server.restart();
          if (again === null) return;
          await new Promise((resolve) => setTimeout(resolve, again));
          count('again after the restart');
          await server.kill();
          await server.restart();
        });
      };
      const client = new InsistentClient(`client-${point + 1}`, () => server.url, {
        begins(step) {
          attack(step);
          current = step;
        },
        ends(step, ms) {
          if (point < 0) typicalMs.set(step, ms);
          current = 'between steps';
        },
      });
      const { keyRef } = await client.session(plan);
      await killed;
      await client.close();
      ended.push({ client, plan, keyRef });
    }
    // All that was acknowledged is still there.
    for (const { client, plan, keyRef } of ended) {
      await client.verify(plan, keyRef);
      await client.close();
    }
  } finally {
    console.log(JSON.stringify({ backend, points: POINTS, kills: Object.fromEntries(hits) }));
    await server.kill();
    await rm(state, { recursive: true, force: true });
  }
  expect(ended).toHaveLength(POINTS + 1);
  for (const step of STEPS) if (POINTS >= 8 * STEPS.length) expect(hits.get(step), step).toBeGreaterThan(0);
});

/** What a write left that was cut off between its first byte and its rename. */
function hasHalfWritten(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true }).some((name) => String(name).includes('.aside-'));
}
