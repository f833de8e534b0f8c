/**
 * kill −9 of the aggregator and of participants at drawn points of whole rounds: at a drawn call, before it arrives, while it is worked on, or
 * once it is answered. Whatever is killed comes back on what it kept; every round ends with the sum of all, bit for bit, every ledger has every
 * round once, and no neighbour gives both kinds of share of one participant. FEDERATION_CRASH_POINTS says at how many.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Random } from '../../src/compiler/random.ts';
import type { Revelation } from '../../src/federation/secure-aggregation/messages.ts';
import { checkSum } from './check-sum.ts';
import { ProcessFederation } from './testing/process-federation.ts';
import { prepareAll, syntheticFederation } from './testing/synthetic-rounds.ts';
import type { WireCall } from './testing/tapped-wire.ts';

const NAMES = ['berlin', 'lyon', 'oslo', 'porto', 'turin'];
const POINTS = Number(process.env['FEDERATION_CRASH_POINTS'] ?? 6);
const SEED = Number(process.env['FEDERATION_CRASH_SEED'] ?? 2026);
const POINTS_A_ROUND = 3;
/** Of a round in which nothing is killed, without those that only look how far it is. */
const CALLS = 55;
const LOOKING = ['get_round_status', 'describe_federation', 'get_sum_key'];
const WHEN = ['before', 'during', 'after'] as const;
/** What a call takes that writes. */
const DURING_MS = 15;

interface Point {
  /** Number of the call in its round. */
  readonly call: number;
  readonly when: (typeof WHEN)[number];
  readonly victim: 'aggregator' | 'participant';
}

it.each(['secure-aggregation', 'bfv-sum'] as const)(
  `%s: rounds end with the sum of all though processes are killed at ${POINTS} points`,
  async (protocol) => {
    await using federation = await ProcessFederation.open(syntheticFederation(NAMES, protocol));
    const random = new Random(SEED);
    const below = (count: number): number => Math.floor(random.next() * count);
    const hits: Record<string, number> = {};
    const revelations: Revelation[] = [];
    let [pointsLeft, round, calls] = [POINTS, 0, 0];
    let points: Point[] = [];
    /** One after the other: a process that is coming back is not killed before it is there. */
    let restarting: Promise<void> = Promise.resolve();
    const kill = (victim: Point['victim'], participant: string): Promise<void> =>
      (restarting = restarting.then(async () => {
        if (victim === 'aggregator') {
          await federation.killAggregator();
          await federation.startAggregator();
        } else {
          await federation.restart(participant);
        }
      }));
    /** Kills that are still to come. */
    const waiting: Promise<void>[] = [];
    const numbered = new WeakMap<WireCall, Point>();
    federation.tap.before = (call) => {
      if (call.tool === 'reveal_shares') revelations.push(call.args['revelation'] as Revelation);
      // Of these there are as many as time goes by.
      if (LOOKING.includes(call.tool)) return true;
      const number = calls++;
      const point = points.find((each) => each.call === number);
      if (point === undefined) return true;
      points = points.filter((each) => each !== point);
      numbered.set(call, point);
      const who =
        point.victim === 'aggregator' || call.participant !== 'decryptor' ? point.victim : 'decryptor';
      const what = `${who} ${point.when} ${call.tool}`;
      hits[what] = (hits[what] ?? 0) + 1;
      pointsLeft--;
      if (point.when === 'before') void kill(point.victim, call.participant);
      if (point.when === 'during')
        waiting.push(delay(random.next() * DURING_MS).then(() => kill(point.victim, call.participant)));
      return point.when !== 'before';
    };
    federation.tap.after = (call) => {
      const point = numbered.get(call);
      if (point?.when === 'after') void kill(point.victim, call.participant);
      return point?.when !== 'after';
    };
    while (pointsLeft > 0) {
      round++;
      revelations.length = 0;
      await federation.openRound();
      await prepareAll(federation, round);
      const before = await federation.model();
      const drawn = Array.from({ length: Math.min(POINTS_A_ROUND, pointsLeft) }, (): Point => ({
        call: below(CALLS),
        when: WHEN[below(WHEN.length)]!,
        victim: below(2) === 0 ? 'aggregator' : 'participant',
      }));
      calls = 0;
      points = drawn.filter(({ call }, i) => drawn.findIndex((other) => other.call === call) === i);
      const back = async (): Promise<void> => {
        await Promise.all(waiting);
        await restarting;
      };
      await Promise.all(NAMES.map((name) => insist(federation, name, back)));
      const status = await federation.until(round, ({ stage }) => stage === 'opened' || stage === 'aborted');
      await Promise.all(waiting.splice(0));
      await restarting;
      expect(status).toMatchObject({ stage: 'opened', survivors: NAMES, dropouts: [], new_version: round });
      const given = NAMES.map((name) => federation.given.get(name)!);
      expect(checkSum(before, await federation.model(), given)).toMatchObject({ wrong: 0 });
      const debited = Array.from({ length: round }, (_, i) => i + 1);
      for (const name of NAMES) {
        const ledger = await federation.participant(name).ledger();
        expect(
          ledger.rounds.map((each) => each.round),
          name,
        ).toEqual(debited);
      }
      if (protocol === 'secure-aggregation') expectOneKind(revelations);
    }
    console.log(JSON.stringify({ protocol, points: POINTS, seed: SEED, rounds: round, kills: hits }));
    expect(Object.values(hits).reduce((sum, count) => sum + count, 0)).toBe(POINTS);
  },
);

/** What comes of asking for a round that is over: it was there. */
const OVER = ['ERROR_ROUND_STAGE', 'ERROR_MESSAGE_CONFLICT', 'ERROR_INVALID_UPDATE'];

/** Contributes until the round is over for this participant, however often its process ends meanwhile. */
async function insist(
  federation: ProcessFederation,
  name: string,
  restarted: () => Promise<void>,
): Promise<void> {
  for (;;) {
    try {
      await federation.contribute(name);
      return;
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      if (typeof code === 'string' && OVER.includes(code)) return;
      // Else only what the end of a process explains.
      if (
        federation.participant(name).isAlive &&
        code !== undefined &&
        typeof code === 'string' &&
        code.startsWith('ERROR_') &&
        code !== 'ERROR_REMOTE'
      )
        throw error;
    }
    await restarted();
    await delay(50);
  }
}

/** All that said anything of one participant gave the same kind of share, in every message that they sent. */
function expectOneKind(revelations: readonly Revelation[]): void {
  const seeds = new Set(revelations.flatMap((each) => each.seeds.map(({ of }) => of)));
  const keys = new Set(revelations.flatMap((each) => each.keys.map(({ of }) => of)));
  expect(seeds.size + keys.size).toBeGreaterThan(0);
  expect([...seeds].filter((of) => keys.has(of))).toEqual([]);
}
