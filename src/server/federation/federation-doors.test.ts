/** Who may do what at an aggregator, at which step, and what of it survives a restart. */
import { sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemBytes } from '../../federation/privacy/random-integers.ts';
import { SecureParticipant } from '../../federation/secure-aggregation/participant.ts';
import { RemoteFederation } from '../client/remote-federation.ts';
import { invite } from '../hosting/invite.ts';
import { HOSTING_LIMITS } from '../hosting/limits.ts';
import { globalModelAnswer, roundAnswer } from '../protocol/federation-messages.ts';
import { CONTEXT, OWNER, policyText } from '../testing/federation-policy.ts';
import type { FederationWorld } from '../testing/federation-world.ts';
import { openFederationWorld, TEMPLATE } from '../testing/federation-world.ts';
import { FederationServer } from './federation-server.ts';
import { parsePolicy } from './policy-file.ts';
import { FEDERATION_TOOLS } from './tools/registry.ts';

const DAY = 24 * 3_600_000;
const anything = z.looseObject({});

let world: FederationWorld;
let owner: RemoteFederation;
let berlin: RemoteFederation;
let joined: SecureParticipant;

beforeAll(async () => {
  world = await openFederationWorld(policyText({ rounds: 3 }));
  owner = await world.owner();
  berlin = await world.remote('berlin');
}, 60_000);
afterAll(async () => world[Symbol.asyncDispose]());

/** Keys for the round that is open, signed by `signer`, by default who announces them. */
async function advertised(name: string, signer = name): Promise<SecureParticipant> {
  const { terms } = await owner.describe();
  const { privateKey } = await world.living(signer).services.credentials.identity(signer);
  const identity = { sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) };
  return SecureParticipant.join(terms!, name, identity, systemBytes);
}

describe('a round', () => {
  it('is opened by the owner, one at a time', async () => {
    await expect(berlin.own('open_round', {}, anything)).rejects.toMatchObject({ code: 'ERROR_NOT_OWNER' });
    expect((await berlin.describe()).terms).toBeNull();
    expect(await owner.own('open_round', {}, roundAnswer)).toMatchObject({ round: 1, stage: 'joining' });
    await expect(owner.own('open_round', {}, anything)).rejects.toMatchObject({ code: 'ERROR_ROUND_STAGE' });
    expect(await berlin.describe()).toMatchObject({
      rounds_spent: 0,
      terms: { round: 1, federation: 'hospitals' },
    });
  });

  it('takes keys of who announces them, signed by the enrolled identity, and the first ones only', async () => {
    joined = await advertised('berlin');
    await world.participant('lyon');
    await (await world.remote('lyon')).status(1);
    await expect(berlin.join(1, (await advertised('berlin', 'lyon')).advertisement())).rejects.toMatchObject({
      code: 'ERROR_SIGNATURE_INVALID',
    });
    await expect(berlin.join(1, (await advertised('lyon')).advertisement())).rejects.toMatchObject({
      code: 'ERROR_INVALID_MESSAGE',
    });
    await berlin.join(1, joined.advertisement());
    await berlin.join(1, joined.advertisement());
    await expect(berlin.join(1, (await advertised('berlin')).advertisement())).rejects.toMatchObject({
      code: 'ERROR_MESSAGE_CONFLICT',
    });
    expect((await berlin.status(1)).progress).toMatchObject({ joined: 1, shared: 0 });
  });

  it('takes no step before its time, and none of a round that is not open', async () => {
    const update = { round: 1, chunk_index: 0, total_chunks: 1, chunk_b64: 'AAAA' };
    const stage = { code: 'ERROR_ROUND_STAGE' };
    await expect(berlin.roster(1)).rejects.toMatchObject(stage);
    await expect(berlin.keyShares(1)).rejects.toMatchObject(stage);
    await expect(berlin.unmaskRequest(1)).rejects.toMatchObject(stage);
    await expect(berlin.own('upload_update_chunk', update, anything)).rejects.toMatchObject(stage);
    await expect(berlin.status(2)).rejects.toMatchObject({ code: 'ERROR_UNKNOWN_ROUND' });
    await expect(berlin.join(2, joined.advertisement())).rejects.toMatchObject({
      code: 'ERROR_UNKNOWN_ROUND',
    });
  });

  it('is where it was after a restart', async () => {
    await world.restart();
    expect((await berlin.status(1)).progress).toMatchObject({ joined: 1 });
    await berlin.join(1, joined.advertisement());
    await expect(berlin.join(1, (await advertised('berlin')).advertisement())).rejects.toMatchObject({
      code: 'ERROR_MESSAGE_CONFLICT',
    });
  });

  it('ends without a sum where too few join in time, and costs nothing', async () => {
    await world.server.tick(Date.now() + DAY - 60_000);
    expect((await owner.status(1)).stage).toBe('joining');
    await world.server.tick(Date.now() + DAY + 60_000);
    expect(await owner.status(1)).toMatchObject({ stage: 'aborted', abort_reason: 'too-few-participants' });
    expect(await owner.describe()).toMatchObject({ rounds_spent: 0, terms: null });
    await expect(berlin.roster(1)).rejects.toMatchObject({ code: 'ERROR_ROUND_ABORTED' });
  });
});

describe('noise', () => {
  it('is raised for rounds to come, never lowered, and stays so', async () => {
    const before = (await owner.describe()).noise_multiplier;
    const raise = (noise_multiplier: number): Promise<unknown> =>
      owner.own('raise_noise', { noise_multiplier }, anything);
    await expect(raise(before * 0.99)).rejects.toMatchObject({ code: 'ERROR_TERMS_REFUSED' });
    await expect(berlin.own('raise_noise', { noise_multiplier: 50 }, anything)).rejects.toMatchObject({
      code: 'ERROR_NOT_OWNER',
    });
    await raise(before * 2);
    await world.restart();
    expect((await owner.describe()).noise_multiplier).toBeCloseTo(2 * before, 9);
    await owner.own('open_round', {}, roundAnswer);
    const { terms } = await owner.describe();
    const bound = terms!.form.clip * terms!.form.scale;
    expect(Math.sqrt(3 * terms!.noise.parameter) / bound).toBeCloseTo(2 * before, 3);
  });
});

describe('models', () => {
  it('are exported for the owner as participants fetch them', async () => {
    const exported = globalModelAnswer.extend({ file: z.string() });
    await expect(berlin.own('export_model', {}, exported)).rejects.toMatchObject({ code: 'ERROR_NOT_OWNER' });
    const { file, sha256, version } = await owner.own('export_model', {}, exported);
    const bytes = await readFile(join(world.state, file));
    expect(Buffer.compare(bytes, TEMPLATE)).toBe(0);
    expect(await berlin.fetchModel(undefined)).toMatchObject({ version, sha256 });
    await expect(berlin.fetchModel(7)).rejects.toMatchObject({ code: 'ERROR_UNKNOWN_MODEL' });
  });
});

describe('the owner', () => {
  it('is who has a code for the name, and nobody else', async () => {
    await using other = await openFederationWorld();
    const services = (await other.participant(OWNER)).services;
    const connectAs = async (enrolmentCode: string | undefined): Promise<unknown> => {
      const [server] = services.servers.values();
      await using remote = await RemoteFederation.open({
        ...{ clientId: OWNER, server: other.url, credentials: services.credentials, enrolmentCode },
        connect: (signal, bearers) => server!.connect(signal, bearers),
      });
      return await remote.own('open_round', {}, roundAnswer);
    };
    const refused = { code: 'ERROR_ENROLMENT_REFUSED' };
    await expect(connectAs(undefined)).rejects.toMatchObject(refused);
    await expect(connectAs((await invite(other.state, null, 60_000)).code)).rejects.toMatchObject(refused);
    await expect(connectAs((await invite(other.state, 'lyon', 60_000)).code)).rejects.toMatchObject(refused);
    expect(await connectAs((await invite(other.state, OWNER, 60_000)).code)).toMatchObject({ round: 1 });
  });
});

describe('calls', () => {
  const unknown = { client_id: 'nobody', auth_token: 'x'.repeat(43) };

  it.each(FEDERATION_TOOLS.map(({ name }) => name).filter((name) => !/^(describe_|enrol_)/.test(name)))(
    'of %s want to know who calls, before anything else is said',
    async (name) => {
      const tool = FEDERATION_TOOLS.find((each) => each.name === name)!;
      const text = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');
      const key = {
        maskKey: text(32),
        channelKey: text(32),
        seedDigest: 'a'.repeat(64),
        signature: text(64),
      };
      const all = {
        ...{ round: 1, chunk_index: 0, total_chunks: 1, chunk_b64: 'AAAA', sha256: 'a'.repeat(64), bytes: 4 },
        ...{ boxes: [], noise_multiplier: 9, advertisement: { participant: 'nobody', ...key } },
        confirmation: { participant: 'nobody', list: 'a'.repeat(64), signature: text(64) },
        revelation: { participant: 'nobody', seeds: [], keys: [] },
        sum_key: { terms: 'a'.repeat(64), publicKey: 'a'.repeat(64), signature: text(64) },
        ...{ key_b64: 'AAAA', admission: { roster: 'a'.repeat(64), signature: text(64) } },
      };
      const fields = Object.entries(all).filter(([field]) => field in tool.input.shape);
      const args = { ...Object.fromEntries(fields), ...unknown };
      expect(tool.input.safeParse(args).success).toBe(true);
      await expect(berlin.own(name, args, anything)).rejects.toMatchObject({ code: 'ERROR_UNAUTHORIZED' });
    },
  );

  it('of every tool refuse what they do not know, and say whether they only look', () => {
    for (const { name, input, annotations, title, description } of FEDERATION_TOOLS) {
      expect(input.safeParse({ unknown: 1 }).success, name).toBe(false);
      expect(annotations.readOnlyHint, name).toBe(/^(describe|get)_/.test(name));
      expect(Math.min(title.length, description.length), name).toBeGreaterThan(5);
    }
  });
});

describe('a federation', () => {
  const reopened = async (template: Uint8Array, policy: string): Promise<FederationServer> =>
    FederationServer.open(
      template,
      parsePolicy(policy),
      {
        stateFolder: world.state,
        limits: HOSTING_LIMITS,
        enrolment: { open: true, unsigned: false, authorities: [] },
        autoOpen: false,
      },
      '0.0.0-test',
      () => undefined,
    );
  let stopped = false;

  beforeEach(async () => {
    if (!stopped) await world.server[Symbol.asyncDispose]();
    stopped = true;
  });

  it('is taken up with its own template and a policy as strict, and with nothing else', async () => {
    const changed = { code: 'FEDERATION_CHANGED' };
    await expect(reopened(TEMPLATE, policyText({ federation: 'others' }))).rejects.toMatchObject(changed);
    const weaker = policyText({ context: { ...CONTEXT, jurisdictions: [] } });
    await expect(reopened(TEMPLATE, weaker)).rejects.toMatchObject(changed);
    await expect(reopened(TEMPLATE, policyText({ frozen: ['fc.bias'] }))).rejects.toMatchObject(changed);
    await using _ = await reopened(TEMPLATE, policyText({ protection: { epsilon: 5 } }));
    expect(_.services.federation.policy.owner).toBe(OWNER);
  });

  it('that was closed opens no rounds', async () => {
    {
      await using server = await reopened(TEMPLATE, policyText({ protection: { epsilon: 5 } }));
      await server.services.federation.close();
      expect(server.services.rounds.current).toBeNull();
    }
    await using server = await reopened(TEMPLATE, policyText({ protection: { epsilon: 5 } }));
    expect(() => server.services.federation.openRound()).toThrow(
      expect.objectContaining({ code: 'ERROR_FEDERATION_CLOSED' }) as Error,
    );
  });
});

it('a policy file says what is wrong with it', () => {
  const { context } = JSON.parse(policyText()) as { context: object };
  for (const [code, changes] of [
    ['POLICY_INVALID', { clip: -1 }],
    ['POLICY_INVALID', { unknown: 1 }],
    ['POLICY_WEAKER', { protection: { epsilon: 100 } }],
    ['POLICY_UNMET', { context: { ...context, clients: 4 } }],
  ] as const)
    expect(() => parsePolicy(policyText(changes)), code).toThrow(expect.objectContaining({ code }) as Error);
  expect(() => parsePolicy('{')).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }) as Error);
});
