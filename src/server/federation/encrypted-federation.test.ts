/** A round of encrypted sums over HTTP: one drops out, aggregator and decryptor restart, and the sum is exact; nobody opens anything else. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditorsOf } from '../../federation/encrypted-sum/accept-contributions.ts';
import type { EncryptedState } from '../../federation/encrypted-sum/participant.ts';
import { RandomIntegers, seededBytes } from '../../federation/privacy/random-integers.ts';
import { noisedBlocks } from '../../federation/update/quantise.ts';
import { readParameters } from '../../onnx/model-parameters.ts';
import { SUM_CIPHERTEXT_BYTES } from '../../runtime/sums/sum-parameters.ts';
import type { RemoteFederation } from '../client/remote-federation.ts';
import { contributionName } from '../crypto/federation/contribution.ts';
import type { OpenDecryptor } from '../crypto/federation/open-decryptor.ts';
import { ToolError } from '../protocol/error-codes.ts';
import { roundAnswer } from '../protocol/federation-messages.ts';
import { DECRYPTOR, sumPolicyText } from '../testing/federation-policy.ts';
import type { FederationWorld, Participant } from '../testing/federation-world.ts';
import { openFederationWorld, preparedUpdate, TEMPLATE } from '../testing/federation-world.ts';

const NAMES = ['berlin', 'lyon', 'oslo', 'porto', 'turin'];
const LATE = 'turin';
const SURVIVORS = NAMES.filter((name) => name !== LATE);
const LENGTH = readParameters(TEMPLATE, 'template').values.length;
const SHAPE = { each: SUM_CIPHERTEXT_BYTES, count: Math.ceil(LENGTH / 4096) };

let world: FederationWorld;
let owner: RemoteFederation;
let decryptor: OpenDecryptor;
let participants: Participant[];
const stop = new AbortController();
let running: Promise<void>;

beforeAll(async () => {
  world = await openFederationWorld(sumPolicyText());
  owner = await world.owner();
  decryptor = await world.decryptor();
  participants = await Promise.all(NAMES.map((name) => world.participant(name)));
  running = decryptor.decryptor.run(stop.signal);
}, 120_000);
afterAll(async () => {
  stop.abort();
  await running;
  await world[Symbol.asyncDispose]();
});

/** What it has encrypted in a round. */
async function noised({ vault, name }: Participant, update: string, round: number): Promise<Int32Array> {
  const sealed = await vault.contribution(contributionName('aggregator', name, 'hospitals', round));
  const { secrets, terms } = sealed!.state as EncryptedState;
  const { values } = await vault.update(update);
  const random = new RandomIntegers(seededBytes(`noise ${secrets!.noise}`));
  const all = new Int32Array(LENGTH);
  let offset = 0;
  for await (const block of noisedBlocks(() => [values], terms.form, terms.noise, random)) {
    all.set(block, offset);
    offset += block.length;
  }
  return all;
}

describe('a federation of encrypted sums', () => {
  const plain = new Map<string, Int32Array>();
  let scale = 0;

  it('comes to the sum of the survivors, bit for bit, over a drop-out and a restart of the aggregator', async () => {
    await owner.own('open_round', {}, roundAnswer);
    const updates = await Promise.all(participants.map((each, i) => preparedUpdate(each, LENGTH, i + 1)));
    let restarting: Promise<void> | null = null;
    world.wire.before = async (name, tool) => {
      if (tool === 'upload_update_chunk' && name === LATE)
        throw new ToolError('ERROR_PATH_REFUSED', 'it has lost its connection for good');
      if (tool !== 'commit_update' || name === DECRYPTOR || plain.has(name)) return;
      const i = NAMES.indexOf(name);
      plain.set(name, await noised(participants[i]!, updates[i]!, 1));
      const { rounds } = await participants[i]!.call('privacy_ledger', {});
      expect(rounds).toMatchObject([{ round: 1, outcome: 'open' }]);
      if (plain.size === 3) restarting ??= world.restart();
    };
    scale = (await owner.describe()).terms!.form.scale;
    const contributing = participants.map((each, i) =>
      each.call('contribute', { update_id: updates[i]!, wait: true }).catch((error: unknown) => error),
    );
    while ((await owner.status(1)).progress?.uploaded !== 4) await delay(50);
    await (restarting ?? Promise.resolve());
    await world.server.tick(Date.now() + 7 * 3_600_000);
    const outcomes = await Promise.all(contributing);
    for (const [i, outcome] of outcomes.entries()) {
      if (NAMES[i] === LATE) expect(outcome).toMatchObject({ code: 'ERROR_PATH_REFUSED' });
      else expect(outcome).toMatchObject({ outcome: 'summed', new_version: 1, survivors: SURVIVORS });
    }
    const expected = readParameters(TEMPLATE, 'template').values.map((value, i) => {
      let sum = 0;
      for (const name of SURVIVORS) sum = (sum + plain.get(name)![i]!) | 0;
      return Math.fround(value + sum / (scale * SURVIVORS.length));
    });
    const { bytes } = await owner.fetchModel(undefined);
    expect([...readParameters(bytes, 'model').values]).toEqual([...expected]);
    expect(await owner.status(1)).toMatchObject({ dropouts: [LATE], abort_reason: null });
  }, 120_000);

  it('has every participant whose ciphertexts may have left debit the round', async () => {
    for (const participant of participants) {
      const ledger = await participant.call('privacy_ledger', {});
      const outcome = participant.name === LATE ? 'open' : 'summed';
      expect(ledger['rounds']).toMatchObject([{ federation: 'hospitals', round: 1, outcome }]);
    }
  });

  it('shows ciphertexts to participants alone, and the decryptor no single one', async () => {
    world.wire.before = () => undefined;
    await owner.own('open_round', {}, roundAnswer);
    const berlin = await world.remote('berlin');
    const outsider = await world.remote('vienna');
    const take = async (remote: RemoteFederation, name: string | null): Promise<number> => {
      let taken = 0;
      for await (const each of remote.sums.ciphertexts(2, name, SHAPE)) taken += each.length;
      return taken;
    };
    const refused = { code: 'ERROR_NOT_IN_ROUND' };
    let looked = 0;
    let found = 'nothing was looked at';
    // While the sum is there, and not yet opened.
    world.wire.before = async (name, tool) => {
      if (name !== DECRYPTOR || tool !== 'commit_update' || looked++ > 0) return;
      expect(await take(berlin, null)).toBe(SHAPE.each * SHAPE.count);
      const { list } = await berlin.sums.request(2);
      const { terms } = world.server.services.rounds.current!;
      const auditors = auditorsOf(list, terms);
      expect(auditors.size).toBe(4);
      for (const each of NAMES) {
        const taking = take(await world.remote(each), 'lyon');
        if (auditors.has(each)) expect(await taking).toBe(SHAPE.each * SHAPE.count);
        else await expect(taking).rejects.toMatchObject(refused);
      }
      expect(await take(decryptor.remote, null)).toBe(SHAPE.each * SHAPE.count);
      for (const each of NAMES) await expect(take(decryptor.remote, each)).rejects.toMatchObject(refused);
      await expect(take(outsider, null)).rejects.toMatchObject(refused);
      await expect(take(outsider, 'lyon')).rejects.toMatchObject(refused);
      const [auditor] = auditors;
      await expect(take(await world.remote(auditor!), 'vienna')).rejects.toMatchObject(refused);
      // What is thrown here is the decryptor's to try again.
      found = 'as it must be';
    };
    const outcomes = await Promise.all(
      participants.map(async (each, i) =>
        each.call('contribute', { update_id: await preparedUpdate(each, LENGTH, i + 11), wait: true }),
      ),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ outcome: 'summed', new_version: 2 });
    expect(found).toBe('as it must be');
  }, 120_000);

  it('leaves no ciphertext behind, and no key that opens one', async () => {
    while ((await decryptor.vault.withKeys()).length > 0) await delay(20);
    const kept = await decryptor.vault.round('hospitals', 2);
    expect(kept).toMatchObject({ keys: null, state: { opened: { survivors: NAMES } } });
    const { uploads, rounds } = world.server.services;
    await rounds.settled();
    for (const name of [...NAMES, DECRYPTOR]) expect(await uploads.files(name, 2)).toEqual([]);
  });
});
