/** Messages of which something is not as it should be: a documented code or the same effect, and never a changed state besides. */
import { beforeAll, describe, expect, it } from 'vitest';
import { HeError } from '../../errors.ts';
import { RandomIntegers, seededBytes } from '../privacy/random-integers.ts';
import { SecureAggregator } from './aggregator.ts';
import type { AggregatorState } from './aggregator-state.ts';
import { SecureParticipant } from './participant.ts';
import type { ParticipantState } from './participant-state.ts';
import { names, roundTerms, SimulatedRound, viaJson } from './testing/simulated-round.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
const MUTATIONS = 250;
const ODD: readonly Json[] = [
  null,
  true,
  -1,
  0.5,
  1e300,
  '',
  '__proto__',
  'constructor',
  'x'.repeat(5000),
  [],
  {},
  [[]],
];

/** A copy with one thing changed, at a place that is drawn: another value, a missing one, one too many, a character. */
function mutate(value: Json, random: RandomIntegers): Json {
  if (typeof value !== 'object' || value === null || random.below(6) === 0) return mutateLeaf(value, random);
  if (Array.isArray(value)) {
    if (value.length === 0) return [null];
    const copy = [...value];
    const at = random.below(copy.length);
    const choice = random.below(5);
    if (choice === 0) copy.splice(at, 1);
    else if (choice === 1) copy.push(copy[at]!);
    else if (choice === 2) copy.reverse();
    else copy[at] = mutate(copy[at]!, random);
    return copy;
  }
  const keys = Object.keys(value);
  const key = keys[random.below(keys.length)];
  if (key === undefined) return null;
  const copy = { ...value };
  if (random.below(6) === 0) delete copy[key];
  else copy[key] = mutate(copy[key]!, random);
  return copy;
}

function mutateLeaf(value: Json, random: RandomIntegers): Json {
  if (typeof value === 'string' && value !== '' && random.below(2) === 0) {
    const at = random.below(value.length);
    return value.slice(0, at) + 'Ax/=-\u0000\ud800'[random.below(7)]! + value.slice(at + 1);
  }
  return ODD[random.below(ODD.length)]!;
}

interface Stored {
  readonly participant: ParticipantState;
  readonly aggregator: AggregatorState;
}

const all = names(6);
const terms = roundTerms({ minSurvivors: 4, colluders: 1 });
const round = new SimulatedRound(terms, all, new Map([[all[5]!, 'share']]));
const states: Stored[] = [];
const messages: Record<string, unknown> = {};

beforeAll(async () => {
  const first = round.participants[0]!;
  const keep = (): void => {
    states.push({ participant: first.state(), aggregator: round.aggregator.snapshot() });
  };
  keep();
  messages['advertisement'] = first.advertisement();
  round.advertise();
  messages['roster'] = round.aggregator.closeRoster();
  keep();
  messages['boxes'] = await first.shareKeys(round.aggregator.roster(), round.enrolment.verify);
  await round.share();
  round.aggregator.closeSharing();
  messages['received'] = round.aggregator.boxesFor(all[0]!);
  keep();
  await round.mask((name) => new Int32Array(10).fill(all.indexOf(name)));
  messages['list'] = round.aggregator.closeUploads();
  keep();
  messages['confirmation'] = first.confirm(messages['list'] as never);
  round.confirm();
  messages['confirmations'] = round.aggregator.closeConfirmations();
  keep();
  messages['revelation'] = first.reveal(messages['confirmations'] as never, round.enrolment.verify);
});

/** Who hears a message, as of which state, and what is remembered afterwards. */
type Hearing = (message: never, stored: Stored) => Promise<unknown>;
const participant =
  (hear: (one: SecureParticipant, message: never) => unknown): Hearing =>
  async (message, stored) => {
    const one = SecureParticipant.resume(stored.participant, round.enrolment.identity(all[0]!));
    const before = JSON.stringify(one.state());
    try {
      await hear(one, message);
    } catch (error) {
      expect(JSON.stringify(one.state())).toBe(before);
      throw error;
    }
    return one.state();
  };
const aggregator =
  (hear: (one: SecureAggregator, message: never) => unknown): Hearing =>
  async (message, stored) => {
    const one = SecureAggregator.resume(stored.aggregator, round.enrolment.verify);
    const before = JSON.stringify(one.snapshot());
    try {
      await hear(one, message);
    } catch (error) {
      expect(JSON.stringify(one.snapshot())).toBe(before);
      throw error;
    }
    return one.snapshot();
  };

describe(`${MUTATIONS} mutations`, () => {
  it.each<[string, number, Hearing]>([
    ['advertisement', 0, aggregator((one, message) => one.addAdvertisement(message))],
    ['roster', 1, participant((one, message) => one.shareKeys(message, round.enrolment.verify))],
    ['boxes', 1, aggregator((one, message) => one.addShares(all[0]!, message))],
    ['received', 2, participant((one, message) => one.receiveShares(message))],
    ['list', 3, participant((one, message) => one.confirm(message))],
    ['confirmation', 3, aggregator((one, message) => one.addConfirmation(message))],
    ['confirmations', 4, participant((one, message) => one.reveal(message, round.enrolment.verify))],
    ['revelation', 4, aggregator((one, message) => one.addRevelation(message))],
  ])('of %s', async (name, stage, hear) => {
    const random = new RandomIntegers(seededBytes(name));
    const right = viaJson(messages[name]) as Json;
    await hear(viaJson(right) as never, states[stage]!);
    const codes = new Set<string>();
    for (let i = 0; i < MUTATIONS; i++) {
      const mutated = mutate(right, random);
      if (JSON.stringify(mutated) === JSON.stringify(right)) continue;
      try {
        await hear(viaJson(mutated) as never, states[stage]!);
        codes.add('accepted');
      } catch (error) {
        if (!(error instanceof HeError)) throw error;
        expect(error.code).toMatch(/^FEDERATION_/);
        codes.add(error.code);
      }
    }
    expect(codes.has('FEDERATION_MESSAGE_INVALID')).toBe(true);
  });
});
