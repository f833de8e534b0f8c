/** Participants and a decryptor that are interrupted, and an aggregator that lies to it and to participants: over HTTP, with real encryption. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readParameters } from '../../../onnx/model-parameters.ts';
import { SUM_CIPHERTEXT_BYTES } from '../../../runtime/sums/sum-parameters.ts';
import type { RemoteFederation } from '../../client/remote-federation.ts';
import type { ByteReader } from '../../federation/round-uploads.ts';
import { roundAnswer } from '../../protocol/federation-messages.ts';
import { DECRYPTOR, sumPolicyText } from '../../testing/federation-policy.ts';
import type { FederationWorld, Participant } from '../../testing/federation-world.ts';
import { openFederationWorld, preparedUpdate, TEMPLATE } from '../../testing/federation-world.ts';
import type { OpenDecryptor } from './open-decryptor.ts';

const NAMES = ['berlin', 'lyon', 'oslo', 'porto', 'turin'];
const LENGTH = readParameters(TEMPLATE, 'template').values.length;
const BYTES = Math.ceil(LENGTH / 4096) * SUM_CIPHERTEXT_BYTES;
const DAY = 24 * 3_600_000;

let world: FederationWorld;
let owner: RemoteFederation;
let participants: Participant[];
let seed = 0;
let stopLast = (): Promise<void> => Promise.resolve();

beforeAll(async () => {
  world = await openFederationWorld(sumPolicyText({ rounds: 5 }));
  owner = await world.owner();
  participants = await Promise.all(NAMES.map((name) => world.participant(name)));
}, 120_000);
afterAll(async () => {
  await stopLast();
  await world[Symbol.asyncDispose]();
});

interface Running {
  readonly open: OpenDecryptor;
  stop(): Promise<void>;
}

async function runDecryptor(): Promise<Running> {
  await stopLast();
  const open = await world.decryptor();
  const stopping = new AbortController();
  const running = open.decryptor.run(stopping.signal);
  const stop = async (): Promise<void> => {
    stopping.abort();
    await running;
  };
  stopLast = stop;
  return { open, stop };
}

/** Everybody contributes to the next round. @returns its number, and what comes of each participant */
async function contributed(): Promise<{ round: number; outcomes: Promise<unknown[]> }> {
  const { round } = await owner.own('open_round', {}, roundAnswer);
  const updates = await Promise.all(participants.map((each) => preparedUpdate(each, LENGTH, seed++)));
  const outcomes = participants.map((each, i) =>
    each.call('contribute', { update_id: updates[i]!, wait: true }).catch((error: unknown) => error),
  );
  return { round, outcomes: Promise.all(outcomes) };
}

async function reached(round: number, stage: string): Promise<void> {
  while ((await owner.status(round)).stage !== stage) await delay(20);
}

describe('a participant of encrypted sums that is killed', () => {
  it('at any step, before or after its message is heard, goes on from its vault into the same sum', async () => {
    await runDecryptor();
    const fate: Readonly<Record<string, readonly [tool: string, when: 'before' | 'after']>> = {
      berlin: ['get_sum_key', 'after'],
      lyon: ['join_round', 'after'],
      oslo: ['get_contributions', 'after'],
      porto: ['upload_update_chunk', 'after'],
      turin: ['commit_update', 'before'],
    };
    const killed = new Set<string>();
    const killing: Promise<void>[] = [];
    const kill = (name: string, tool: string, now: 'before' | 'after'): void => {
      const [at, when] = fate[name] ?? [];
      if (at !== tool || when !== now || killed.has(name)) return;
      killed.add(name);
      killing.push(world.revive(name));
      throw new Error('killed');
    };
    world.wire.before = (name, tool) => kill(name, tool, 'before');
    world.wire.after = (name, tool) => kill(name, tool, 'after');
    const { round, outcomes } = await contributed();
    await outcomes;
    await reached(round, 'opened');
    await Promise.all(killing);
    [world.wire.before, world.wire.after] = [() => undefined, () => undefined];
    expect([...killed].sort()).toEqual(NAMES);
    expect(await owner.status(round)).toMatchObject({ survivors: NAMES, dropouts: [], anomalies: [] });
    participants = NAMES.map((name) => world.living(name));
    for (const { vault } of participants) while ((await vault.unfinished()).length > 0) await delay(20);
    for (const participant of participants) {
      const { rounds } = await participant.call('privacy_ledger', {});
      expect(rounds).toMatchObject([{ round, outcome: 'summed' }]);
    }
    await stopLast();
  }, 180_000);
});

describe('an aggregator that takes one update for the sum', () => {
  it('is found out by every auditor, and has nothing opened', async () => {
    const decryptor = await runDecryptor();
    const { uploads } = world.server.services;
    const honest = uploads.reader.bind(uploads);
    let lying = true;
    // Asked once for all while it adds up, and once a call for what auditors want.
    uploads.reader = (round): ByteReader => {
      const read = honest(round);
      const adds = world.server.services.rounds.current?.machine.stage === 'adding' && lying;
      return adds ? (_participant, start, length) => read('berlin', start, length) : read;
    };
    const { round, outcomes } = await contributed();
    await reached(round, 'confirming');
    lying = false;
    // Four of the five add up again; who does not waits for what comes of the round.
    const unfinished = async (): Promise<number> =>
      (await Promise.all(participants.map(({ vault }) => vault.unfinished()))).flat().length;
    while ((await unfinished()) > 1) await delay(20);
    await world.server.tick(Date.now() + DAY);
    const all = await outcomes;
    const codes = all.map((each) => (each as { code?: string; outcome?: string }).code ?? 'waited');
    expect(codes.filter((code) => code === 'ERROR_AGGREGATOR_REFUSED')).toHaveLength(4);
    expect(await owner.status(round)).toMatchObject({
      stage: 'aborted',
      abort_reason: 'too-few-confirmations',
    });
    expect((await decryptor.open.vault.round('hospitals', round))?.state.opened).toBeNull();
    await decryptor.stop();
  }, 120_000);
});

describe('a decryptor', () => {
  it('opens no other ciphertexts than those whose sum was confirmed', async () => {
    const decryptor = await runDecryptor();
    const { sums, uploads } = world.server.services;
    let swapped = false;
    world.wire.before = async (name, tool) => {
      if (name !== DECRYPTOR || tool !== 'get_ciphertexts' || swapped) return;
      swapped = true;
      const { round } = world.server.services.rounds.current!.terms;
      const single = await uploads.reader(round)('berlin', 0, BYTES);
      await sums.write(
        round,
        (async function* () {
          yield single;
        })(),
      );
    };
    const { round, outcomes } = await contributed();
    await reached(round, 'opening');
    while (!swapped) await delay(20);
    const described = await decryptor.open.remote.describe();
    await decryptor.stop();
    await expect(
      decryptor.open.decryptor.look(described, new AbortController().signal),
    ).rejects.toMatchObject({ code: 'ERROR_OPENING_REFUSED' });
    expect((await decryptor.open.vault.round('hospitals', round))?.state.opened).toBeNull();
    await world.server.tick(Date.now() + DAY);
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ outcome: 'aborted' });
    expect(await owner.status(round)).toMatchObject({ stage: 'aborted', abort_reason: 'no-decryptor' });
    world.wire.before = () => undefined;
  }, 120_000);

  it('that ends between record and answer has the sum on record, and goes on with that one', async () => {
    const decryptor = await runDecryptor();
    let recorded: unknown = null;
    const ended = new Promise<void>((resolve) => {
      world.wire.before = async (name, tool) => {
        if (name !== DECRYPTOR || tool !== 'upload_update_chunk' || recorded !== null) return;
        const { round } = world.server.services.rounds.current!.terms;
        recorded = (await decryptor.open.vault.round('hospitals', round))?.state.opened ?? 'nothing';
        resolve();
        throw new Error('killed');
      };
    });
    const { round, outcomes } = await contributed();
    await ended;
    await decryptor.stop();
    await decryptor.open[Symbol.asyncDispose]();
    expect(recorded).toMatchObject({ survivors: NAMES });
    expect((await owner.status(round)).stage).toBe('opening');
    const again = await runDecryptor();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ outcome: 'summed', survivors: NAMES });
    expect((await again.open.vault.round('hospitals', round))?.state.opened).toEqual(recorded);
    await again.stop();
  }, 120_000);

  it('is one process at a time', async () => {
    const one = await runDecryptor();
    const other = await world.decryptor();
    await delay(0);
    await expect(other.decryptor.run(new AbortController().signal)).rejects.toMatchObject({
      code: 'ERROR_BUSY',
    });
    await one.stop();
  });

  it('does nothing for a federation that names another', async () => {
    const { open } = await runDecryptor();
    await stopLast();
    await owner.own('open_round', {}, roundAnswer);
    const described = { ...(await open.remote.describe()), decryptor: 'eve' };
    await expect(open.decryptor.look(described, new AbortController().signal)).rejects.toMatchObject({
      code: 'ERROR_NOT_DECRYPTOR',
    });
    const { terms } = described;
    expect(await open.vault.round('hospitals', terms!.round)).toBeNull();
  });
});

describe('a participant encrypts for no decryptor', () => {
  const contribute = async (participant: Participant): Promise<unknown> => {
    const update_id = await preparedUpdate(participant, LENGTH, seed++);
    return participant.call('contribute', { update_id, wait: true });
  };
  const refused = { code: 'ERROR_AGGREGATOR_REFUSED' };

  it.each(['name', 'publicKey'] as const)('with another %s than it was told', async (which) => {
    const { open } = await runDecryptor();
    const known = { name: DECRYPTOR, publicKey: open.publicKey };
    const { credentials } = participants[0]!.services;
    const other = { name: 'eve', publicKey: (await credentials.identity('eve')).publicKey };
    const participant = await world.participant(`told-${which}`, undefined, {
      ...known,
      [which]: other[which],
    });
    await expect(contribute(participant)).rejects.toMatchObject(refused);
  });

  it('that was another one in the rounds before', async () => {
    await runDecryptor();
    const genoa = await world.participant('genoa');
    await genoa.vault.pin('decryptor of hospitals', new Map([['the decryptor', 'decryptor AAAA']]));
    await expect(contribute(genoa)).rejects.toMatchObject(refused);
  });
});
