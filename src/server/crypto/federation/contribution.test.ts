/** A participant that is interrupted anywhere, and one that refuses: against a real aggregator. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { readParameters, replaceParameters } from '../../../onnx/model-parameters.ts';
import { DEFAULT_FLOOR } from '../../../federation/policy/floor.ts';
import { roundAnswer } from '../../protocol/federation-messages.ts';
import type { RemoteFederation } from '../../client/remote-federation.ts';
import { CONTEXT, policyText } from '../../testing/federation-policy.ts';
import type { FederationWorld, Participant } from '../../testing/federation-world.ts';
import { openFederationWorld, TEMPLATE } from '../../testing/federation-world.ts';

let world: FederationWorld | null = null;
afterEach(async () => {
  await world?.[Symbol.asyncDispose]();
  world = null;
});

async function openWorld(policy?: string): Promise<{ world: FederationWorld; owner: RemoteFederation }> {
  world = await openFederationWorld(policy);
  return { world, owner: await world.owner() };
}

/** A round of noise multiplier 1.2: ε is about 5. */
const OF_ANOTHER = {
  ...{
    federation: 'other',
    round: 1,
    terms: 't',
    announced: 'a',
    at: 0,
    mechanism: 'discrete-gaussian' as const,
  },
  ...{ honest: 3, l2: 1000, l1: 1000, length: 1, parameter: Math.ceil(1200 ** 2 / 3) },
};
const LENGTH = readParameters(TEMPLATE, 'template').values.length;

/** An array of differences, as numpy writes it. */
function npy(values: Float32Array): Buffer {
  const header =
    `{'descr': '<f4', 'fortran_order': False, 'shape': (${values.length},), }`.padEnd(117) + '\n';
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00\x76\x00', 'latin1'),
    Buffer.from(header),
    Buffer.from(values.buffer),
  ]);
}

async function prepared(participant: Participant, seed: number, length = LENGTH): Promise<string> {
  const delta_path = join(participant.root, `delta-${seed}.npy`);
  const values = Float32Array.from({ length }, (_, i) => 0.004 * Math.sin(seed * 1000 + i));
  await writeFile(delta_path, npy(values));
  return String((await participant.call('prepare_update', { delta_path }))['update_id']);
}

describe('a participant that is interrupted', () => {
  it('at any step, before or after its message is heard, goes on from its vault to the same sum', async () => {
    const { world, owner } = await openWorld();
    await owner.own('open_round', {}, roundAnswer);
    // Each of them is killed at another message: two before it is sent, two when it was heard, one never.
    const fate: Readonly<Record<string, readonly [tool: string, when: 'before' | 'after']>> = {
      berlin: ['upload_key_shares', 'after'],
      lyon: ['upload_update_chunk', 'after'],
      oslo: ['confirm_survivors', 'before'],
      porto: ['reveal_shares', 'before'],
    };
    const names = [...Object.keys(fate), 'turin'];
    const killed = new Set<string>();
    const killing: Promise<void>[] = [];
    const kill = (name: string): never => {
      killed.add(name);
      killing.push(world.revive(name));
      throw new Error('killed');
    };
    world.wire.before = (name, tool) => {
      const [at, when] = fate[name] ?? [];
      if (at === tool && when === 'before' && !killed.has(name)) kill(name);
    };
    world.wire.after = (name, tool) => {
      const [at, when] = fate[name] ?? [];
      if (at === tool && when === 'after' && !killed.has(name)) kill(name);
    };
    for (const [i, name] of names.entries()) {
      const participant = await world.participant(name);
      await participant.call('contribute', { update_id: await prepared(participant, i) });
    }
    while ((await owner.status(1)).stage !== 'opened') await delay(100);
    await Promise.all(killing);
    expect([...killed].sort()).toEqual(Object.keys(fate).sort());
    expect(await owner.status(1)).toMatchObject({ survivors: names, dropouts: [], anomalies: [] });
    for (const name of names) {
      const participant = world.living(name);
      let ledger = await participant.call('privacy_ledger', {});
      while ((ledger['rounds'] as { outcome: string }[])[0]!.outcome === 'open') {
        await delay(50);
        ledger = await participant.call('privacy_ledger', {});
      }
      expect(ledger['rounds']).toMatchObject([{ round: 1, outcome: 'summed' }]);
    }
    // What was paid for is the roster that all of them were on, and one of another round is not.
    const ledgers = await Promise.all(names.map((name) => world.living(name).vault.ledger()));
    const announced = ledgers.map(({ entries }) => entries.map((entry) => entry.announced));
    expect(announced[0]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(announced).toEqual(names.map(() => announced[0]));
  }, 120_000);
});

describe('a participant', () => {
  it('has the round in its ledger before any of its masked update leaves', async () => {
    const { world, owner } = await openWorld();
    await owner.own('open_round', {}, roundAnswer);
    const seen: unknown[] = [];
    world.wire.before = async (name, tool) => {
      if (tool !== 'upload_update_chunk' || name !== 'berlin') return;
      seen.push((await world.living(name).call('privacy_ledger', {}))['rounds']);
    };
    for (const [i, name] of ['berlin', 'lyon', 'oslo', 'porto', 'turin'].entries()) {
      const participant = await world.participant(name);
      await participant.call('contribute', { update_id: await prepared(participant, i) });
    }
    while ((await owner.status(1)).stage !== 'opened') await delay(100);
    expect(seen.length).toBeGreaterThan(0);
    for (const rounds of seen) expect(rounds).toMatchObject([{ round: 1, outcome: 'open' }]);
  }, 120_000);

  it.each([
    ['ERROR_FLOOR_NOT_MET', { minSurvivors: 5 }],
    ['ERROR_FLOOR_NOT_MET', { epsilon: 5 }],
    // Of a budget that both rounds would fit in, another federation has had most.
    ['ERROR_BUDGET_EXCEEDED', { epsilon: 6, delta: 1e-6 }],
  ])('refuses with %s what its floor %j forbids, and sends nothing', async (code, stricter) => {
    const { world, owner } = await openWorld();
    await owner.own('open_round', {}, roundAnswer);
    const participant = await world.participant('berlin', { ...DEFAULT_FLOOR, ...stricter });
    const update_id = await prepared(participant, 1);
    if (code === 'ERROR_BUDGET_EXCEEDED')
      await participant.vault.changeLedger((ledger) => ledger.debit(OF_ANOTHER));
    const { rounds: before } = await participant.call('privacy_ledger', {});
    const tools: string[] = [];
    world.wire.before = (_name, tool) => void tools.push(tool);
    await expect(participant.call('contribute', { update_id, wait: true })).rejects.toMatchObject({ code });
    expect(tools).toEqual(['describe_federation']);
    expect((await participant.call('privacy_ledger', {}))['rounds']).toEqual(before);
  });

  it('gives to a round once', async () => {
    const { world, owner } = await openWorld();
    await owner.own('open_round', {}, roundAnswer);
    const participant = await world.participant('berlin');
    const [first, second] = [await prepared(participant, 1), await prepared(participant, 2)];
    await participant.call('contribute', { update_id: first });
    while ((await owner.status(1)).progress?.joined !== 1) await delay(50);
    await expect(participant.call('contribute', { update_id: second, wait: true })).rejects.toMatchObject({
      code: expect.stringMatching(/ERROR_(SESSION_CLOSED|MESSAGE_CONFLICT)/) as string,
    });
  });

  it('refuses updates of other lengths, layouts and models', async () => {
    const { world, owner } = await openWorld(policyText({ context: { ...CONTEXT, clients: 6 } }));
    await owner.own('open_round', {}, roundAnswer);
    const participant = await world.participant('berlin');
    await expect(prepared(participant, 1, LENGTH - 1)).rejects.toMatchObject({
      code: 'ERROR_INVALID_UPDATE',
    });
    const write = async (name: string, bytes: Uint8Array): Promise<string> => {
      await writeFile(join(participant.root, name), bytes);
      return join(participant.root, name);
    };
    const other = replaceParameters(TEMPLATE, new Float64Array(LENGTH).fill(1), 'template');
    const [before_path, after_path] = [
      await write('before.onnx', other),
      await write('after.onnx', TEMPLATE),
    ];
    const { update_id } = await participant.call('prepare_update', { before_path, after_path });
    await expect(participant.call('contribute', { update_id })).rejects.toMatchObject({
      code: 'ERROR_INVALID_UPDATE',
    });
    for (const files of [{ before_path }, { before_path, after_path, delta_path: before_path }, {}])
      await expect(participant.call('prepare_update', files)).rejects.toMatchObject({
        code: 'ERROR_INVALID_ARGUMENT',
      });
    await expect(
      participant.call('prepare_update', {
        before_path,
        after_path: await write('no.onnx', Buffer.from('no')),
      }),
    ).rejects.toMatchObject({ code: 'ERROR_INVALID_UPDATE' });
    await expect(participant.call('prepare_update', { delta_path: '/etc/hostname' })).rejects.toMatchObject({
      code: 'ERROR_PATH_REFUSED',
    });
  });
});
