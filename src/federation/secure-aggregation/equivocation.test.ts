/**
 * An aggregator with colluders that shows every honest participant whatever survivor list it likes, and hands on whichever confirmations serve it:
 * drawn strategies, and after each what it has come to know. Colluders sign everything and give all shares that were entrusted to them.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeError } from '../../errors.ts';
import { rosterRules } from '../round-terms.ts';
import type { Confirmation, Identity, SurvivorList } from './messages.ts';
import { confirmationBytes, listDigest, toBase64 } from './messages.ts';
import type { SecureParticipant } from './participant.ts';
import { names, roundTerms, SimulatedRound } from './testing/simulated-round.ts';

interface Strategy {
  readonly n: number;
  readonly colluders: number;
  /** Who is called a dropout, on each of the lists: bits, by place. */
  readonly dropped: readonly number[];
  /** Which list each participant is shown first; another one follows where it refuses. */
  readonly shown: readonly number[];
}

/** What a strategy has brought: whose list each honest participant acted on, and shares by client. */
interface Outcome {
  readonly acted: ReadonlySet<string>;
  readonly seeds: ReadonlyMap<string, number>;
  readonly keys: ReadonlyMap<string, number>;
  readonly honest: readonly string[];
  readonly threshold: number;
  readonly minSurvivors: number;
}

const attempt = <T>(work: () => T): T | null => {
  try {
    return work();
  } catch (error) {
    if (error instanceof HeError) return null;
    throw error;
  }
};

function signedBy(identity: Identity, participant: string, list: string): Confirmation {
  return {
    participant,
    list,
    signature: toBase64(identity.sign(confirmationBytes({ participant, list }))),
  };
}

async function play({ n, colluders, dropped, shown }: Strategy): Promise<Outcome> {
  const all = names(n);
  const minSurvivors = Math.max(4, colluders + 2);
  const terms = roundTerms({ colluders, minSurvivors });
  const round = new SimulatedRound(terms, all);
  round.advertise();
  await round.share();
  await round.mask(() => new Int32Array(10));
  const { roster, sharers } = round.aggregator.closeUploads();
  const honest = round.participants.slice(colluders);
  const corrupt = round.participants.slice(0, colluders);
  const lists = dropped.map((bits): SurvivorList => {
    const survivors = all.filter((_, i) => ((bits >> i) & 1) === 0);
    return { roster, sharers, survivors };
  });
  const confirmations: Confirmation[] = [];
  const shows = (one: SecureParticipant, i: number): void => {
    for (let turn = 0; turn < lists.length; turn++) {
      const list = lists[((shown[i] ?? 0) + turn) % lists.length]!;
      const confirmation = attempt(() => one.confirm(list));
      if (confirmation !== null) confirmations.push(confirmation);
    }
  };
  honest.forEach(shows);
  for (const { name } of corrupt)
    for (const list of lists)
      confirmations.push(signedBy(round.enrolment.identity(name), name, listDigest(list)));
  const [seeds, keys, acted] = [new Map<string, number>(), new Map<string, number>(), new Set<string>()];
  const count = (shares: Map<string, number>, of: string): void => {
    shares.set(of, (shares.get(of) ?? 0) + 1);
  };
  for (const one of honest) {
    const own = one.state().list;
    if (own === null) continue;
    const serving = confirmations.filter(
      ({ list, participant }, i) =>
        list === listDigest(own) &&
        own.survivors.includes(participant) &&
        confirmations.findIndex((other) => other.list === list && other.participant === participant) === i,
    );
    const revelation = attempt(() => one.reveal(serving, round.enrolment.verify));
    if (revelation === null) continue;
    acted.add(listDigest(own));
    for (const { of } of revelation.seeds) count(seeds, of);
    for (const { of } of revelation.keys) count(keys, of);
  }
  for (const one of corrupt)
    for (const { of } of one.state().entrusted!) {
      count(seeds, of);
      count(keys, of);
    }
  const { threshold } = rosterRules(terms, n);
  return { acted, seeds, keys, honest: honest.map(({ name }) => name), threshold, minSurvivors };
}

const strategy = fc.integer({ min: 6, max: 9 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    colluders: fc.integer({ min: 1, max: 2 }),
    // Lists of which few drop out are those that are believed.
    dropped: fc.array(
      fc
        .array(fc.nat(n - 1), { maxLength: 2 })
        .map((places) => places.reduce((bits, place) => bits | (1 << place), 0)),
      { minLength: 2, maxLength: 3 },
    ),
    shown: fc.array(fc.nat(2), { minLength: n, maxLength: n }),
  }),
);

describe('an aggregator that shows different lists', () => {
  it('never has two acted on, both secrets of a client, or the sum of too few', async () => {
    let [revealed, refused] = [0, 0];
    const property = async (drawn: Strategy): Promise<void> => {
      const { acted, seeds, keys, honest, threshold, minSurvivors } = await play(drawn);
      expect(acted.size).toBeLessThanOrEqual(1);
      const rebuilt = (shares: ReadonlyMap<string, number>): string[] =>
        honest.filter((name) => (shares.get(name) ?? 0) >= threshold);
      const [open, gone] = [rebuilt(seeds), new Set(rebuilt(keys))];
      expect(open.filter((name) => gone.has(name))).toEqual([]);
      // Masks between honest ones stay, unless one of the two is gone: a sum is opened of all that are not gone, or of none.
      const summed = honest.filter((name) => !gone.has(name));
      if (summed.every((name) => open.includes(name)))
        expect(summed.length).toBeGreaterThanOrEqual(minSurvivors - drawn.colluders);
      if (acted.size === 0) refused++;
      else revealed++;
    };
    await fc.assert(fc.asyncProperty(strategy, property), { numRuns: 30, seed: 3 });
    expect(revealed).toBeGreaterThan(5);
    expect(refused).toBeGreaterThan(5);
  }, 120_000);
});
