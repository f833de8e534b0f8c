import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { encodePublicKey, signRequest } from '../protocol/signing.ts';
import type { CallContext } from '../protocol/tool.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import {
  AUTHORITY,
  CLIENT_CERTIFICATE,
  CLIENT_KEY,
  ROGUE_CERTIFICATE,
  ROGUE_KEY,
} from '../testing/certificates.ts';
import { Authentication, tokenHash } from './authentication.ts';
import { HOSTING_LIMITS } from './limits.ts';
import { EnrolmentOffice } from './enrolment.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { requestRates } from './request-rates.ts';

const SERVER = 'ab'.repeat(32);
const NOW = Date.UTC(2026, 6, 1);
const OTHER = generateKeyPairSync('ed25519').privateKey;

interface Attempt {
  readonly clientId?: string;
  readonly key?: KeyObject;
  readonly chain?: readonly string[];
  readonly now?: number;
  readonly publicKey?: string;
  readonly code?: string;
  /** In the Authorization header. */
  readonly bearer?: string;
}

interface Policy {
  readonly authorities?: readonly string[];
  readonly unsigned?: boolean;
  readonly open?: boolean;
  readonly clients?: number;
}

async function office({
  authorities = [AUTHORITY],
  unsigned = false,
  open = false,
  clients = 10,
}: Policy = {}) {
  const store = await SqliteMetadataStore.open(':memory:');
  const authentication = new Authentication(store, requestRates(new RateLimiter(100, 100)), {
    clockSkewMs: 60_000,
    unsigned,
    serverKeyId: SERVER,
  });
  const own = new EnrolmentOffice(
    store,
    authentication,
    { open, unsigned, authorities },
    { ...HOSTING_LIMITS, clients },
  );
  let lastToken = '';
  const attempt = async (request: Attempt): Promise<string> => {
    const { clientId = 'certified', key, chain, now = NOW, publicKey, code, bearer = null } = request;
    const received = { tool: 'enrol_client', arguments: { clientId, nonce: Math.random() } };
    const meta = key === undefined ? {} : { [SIGNATURE_META]: signRequest(received, key, SERVER, now) };
    const call: CallContext = {
      signal: new AbortController().signal,
      progress: () => undefined,
      bearer,
      origin: 'test',
      vouch: () => undefined,
      received,
      meta,
    };
    try {
      const { token, client } = await own.enrol(
        { clientId, code, publicKey, certificateChain: chain },
        call,
        now,
      );
      expect(await store.client(clientId)).toEqual(client);
      // What is kept does not open anything.
      expect(JSON.stringify(client)).not.toContain(token);
      expect(client.tokenHash).toBe(tokenHash(token));
      expect(client.tokenExpiresAt).toBe(now + HOSTING_LIMITS.tokenLifetimeMs);
      expect(client.createdAt).toBe(now);
      lastToken = token;
      return 'enrolled';
    } catch (error) {
      if (error instanceof ToolError) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
  const enrol = async (request: Attempt): Promise<string> => (await attempt(request)).replace(/:.*/, '');
  return { attempt, enrol, store, lastToken: () => lastToken };
}

describe('enrolment by certificate', () => {
  const key = createPrivateKey(CLIENT_KEY);
  const chain = [CLIENT_CERTIFICATE];

  it('takes who holds the key of a certificate that the authority issued', async () => {
    const { enrol, store } = await office();
    expect(await enrol({ key, chain })).toBe('enrolled');
    expect(await store.client('certified')).toMatchObject({
      certificateSubject: 'CN=certified',
      publicKey: encodePublicKey(createPublicKey(key)),
    });
  });

  it('refuses other names, other keys, other authorities and other times, and says which', async () => {
    const { attempt } = await office();
    const refusal = (request: Attempt): Promise<string> => attempt({ key, chain, ...request });
    expect(await refusal({ clientId: 'somebody' })).toMatch(/REFUSED: the certificate is for another name/);
    expect(await refusal({ clientId: 'certifie' })).toMatch(/REFUSED: the certificate is for another name/);
    expect(await refusal({ key: OTHER })).toMatch(/^ERROR_SIGNATURE_INVALID/);
    expect(await attempt({ chain })).toMatch(/^ERROR_SIGNATURE_REQUIRED/);
    expect(await refusal({ publicKey: encodePublicKey(createPublicKey(OTHER)) })).toMatch(
      /REFUSED: public_key is not the key of the certificate/,
    );
    const rogue = { key: createPrivateKey(ROGUE_KEY), chain: [ROGUE_CERTIFICATE] };
    expect(await refusal(rogue)).toMatch(/REFUSED: the certificate chain does not lead to an authority/);
    expect(await refusal({ chain: [CLIENT_CERTIFICATE, CLIENT_CERTIFICATE] })).toMatch(
      /REFUSED: the certificate chain/,
    );
    expect(await refusal({ chain: [ROGUE_CERTIFICATE, AUTHORITY] })).toMatch(
      /REFUSED: the certificate chain/,
    );
    expect(await refusal({ now: Date.UTC(2121, 0, 1) })).toMatch(/REFUSED: a certificate is not valid now/);
    expect(await refusal({ now: Date.UTC(2001, 0, 1) })).toMatch(/REFUSED: a certificate is not valid now/);
    expect(await refusal({ chain: ['no certificate'] })).toMatch(/REFUSED: a certificate cannot be read/);
    expect(await refusal({ chain: Array<string>(9).fill(CLIENT_CERTIFICATE) })).toMatch(
      /REFUSED: .* too long/,
    );
    expect(await refusal({ chain: Array<string>(8).fill(CLIENT_CERTIFICATE) })).not.toMatch(/too long/);
    expect(await refusal({})).toBe('enrolled');
  });

  it('takes a chain that ends in the authority itself, and the key that the certificate names', async () => {
    const { attempt } = await office();
    expect(await attempt({ key, chain: [CLIENT_CERTIFICATE, AUTHORITY] })).toBe('enrolled');
    expect(await attempt({ key, chain, publicKey: encodePublicKey(createPublicKey(key)) })).toBe('enrolled');
  });

  it('does not take over a name that is pinned to another key', async () => {
    const { attempt, store } = await office({ open: true });
    expect(await attempt({ key: OTHER, publicKey: encodePublicKey(createPublicKey(OTHER)) })).toBe(
      'enrolled',
    );
    expect(await attempt({ key, chain })).toMatch(/REFUSED: the name is enrolled with another key/);
    expect((await store.client('certified'))?.publicKey).toBe(encodePublicKey(createPublicKey(OTHER)));
  });

  it('is not offered where no authority is known', async () => {
    const { attempt } = await office({ authorities: [] });
    expect(await attempt({ key, chain })).toMatch(/REFUSED: this server knows no certificate authority/);
    // Nor is an empty chain one.
    expect(await attempt({ key, chain: [] })).toMatch(/REFUSED: this server takes signed requests only/);
  });
});

describe('enrolment by code', () => {
  const publicKey = encodePublicKey(createPublicKey(OTHER));
  const LATER = NOW + 1000;
  const withCode = async (clientId: string | null, policy: Policy = {}) => {
    const made = await office(policy);
    await made.store.putInvitation({ codeHash: tokenHash('code'), clientId, expiresAt: LATER });
    const enrol = (request: Attempt): Promise<string> =>
      made.attempt({ key: OTHER, publicKey, clientId: 'a', ...request });
    return { ...made, enrol };
  };

  it.each([null, 'a'])('takes who has one for %s, once', async (meant) => {
    const { enrol, store } = await withCode(meant);
    expect(await enrol({ code: 'code' })).toBe('enrolled');
    expect(await store.client('a')).toMatchObject({ publicKey, certificateSubject: null });
    expect(await enrol({ clientId: 'b', code: 'code' })).toMatch(/REFUSED: the code is wrong, used/);
  });

  it('refuses one that is wrong, meant for another, or has expired, all alike', async () => {
    for (const request of [
      { code: 'other' },
      { code: 'code', clientId: 'b' },
      { code: 'code', now: LATER },
    ]) {
      const { enrol } = await withCode('a');
      expect(await enrol(request)).toMatch(
        /^ERROR_ENROLMENT_REFUSED: the code is wrong, used, expired or meant/,
      );
    }
    const { enrol } = await withCode('a');
    expect(await enrol({})).toMatch(/REFUSED: an enrolment code is needed/);
    expect(await enrol({ code: 'code', now: LATER - 1 })).toBe('enrolled');
  });

  it('does not tell strangers which names there are', async () => {
    const { enrol } = await withCode(null);
    expect(await enrol({ code: 'code' })).toBe('enrolled');
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const as = { key: stranger, publicKey: encodePublicKey(createPublicKey(stranger)) };
    expect(await enrol({ ...as })).toBe(await enrol({ ...as, clientId: 'nobody' }));
    expect(await enrol({ ...as, code: 'x' })).toBe(await enrol({ ...as, code: 'x', clientId: 'nobody' }));
  });

  it('is not needed again by who holds the pinned key', async () => {
    const { enrol } = await withCode(null);
    expect(await enrol({ code: 'code' })).toBe('enrolled');
    expect(await enrol({})).toBe('enrolled');
    expect(await enrol({ key: createPrivateKey(CLIENT_KEY) })).toMatch(/^ERROR_SIGNATURE_INVALID/);
  });

  it('ends where the server takes no more clients, but not for those that are known', async () => {
    const { enrol } = await withCode(null, { clients: 1, open: true });
    expect(await enrol({})).toBe('enrolled');
    expect(await enrol({ clientId: 'b' })).toMatch(
      /^ERROR_QUOTA_EXCEEDED: this server takes no more clients/,
    );
    expect(await enrol({})).toBe('enrolled');
  });
});

describe('a name', () => {
  const publicKey = encodePublicKey(createPublicKey(OTHER));
  const signed = { key: OTHER, publicKey };

  async function lax(policy: Policy = {}) {
    const made = await office({ unsigned: true, ...policy });
    const invite = (code: string, clientId: string | null): Promise<void> =>
      made.store.putInvitation({ codeHash: tokenHash(code), clientId, expiresAt: NOW + 1000 });
    return { ...made, invite };
  }

  it('without a key is not taken over by anybody’s code or certificate, but renewed by its token', async () => {
    const { attempt, invite, store, lastToken } = await lax();
    await invite('first', null);
    expect(await attempt({ clientId: 'victim', code: 'first' })).toBe('enrolled');
    const before = await store.client('victim');
    for (const [code, meant] of [
      ['any', null],
      ['named', 'victim'],
    ] as const) {
      await invite(code, meant);
      const refused = await attempt({ clientId: 'victim', code, ...signed });
      expect(refused).toMatch(/^ERROR_ENROLMENT_REFUSED/);
      expect(await attempt({ clientId: 'victim', code })).toBe(refused);
      expect(await attempt({ clientId: 'victim', code, bearer: 'not its token' })).toBe(refused);
    }
    expect(await attempt({ clientId: 'victim', bearer: lastToken(), ...signed, code: 'wrong' })).toBe(
      'enrolled',
    );
    expect(await store.client('victim')).toMatchObject({ publicKey });
    expect((await store.client('victim'))!.tokenHash).not.toBe(before!.tokenHash);
    // Pinned from then on, and the former token is void.
    expect(await attempt({ clientId: 'victim', bearer: lastToken() })).toMatch(/^ERROR_ENROLMENT_REFUSED/);

    await invite('second', null);
    expect(await attempt({ clientId: 'certified', code: 'second' })).toBe('enrolled');
    const certified = { key: createPrivateKey(CLIENT_KEY), chain: [CLIENT_CERTIFICATE] };
    expect(await attempt(certified)).toMatch(/REFUSED: the name is taken/);
    expect(await attempt({ ...certified, bearer: lastToken() })).toBe('enrolled');
  });

  it('is taken once, whoever come at once, and so are the last places', async () => {
    const { attempt, store } = await lax({ open: true, clients: 2 });
    const names = ['first', 'first', 'second', 'third'];
    const people = names.map((clientId) => {
      const key = generateKeyPairSync('ed25519').privateKey;
      return { clientId, key, publicKey: encodePublicKey(createPublicKey(key)) };
    });
    const twice = await Promise.all(people.slice(0, 2).map(attempt));
    expect(twice.filter((answer) => answer === 'enrolled')).toHaveLength(1);
    expect(twice.find((answer) => answer !== 'enrolled')).toMatch(
      /REFUSED: the name is enrolled with another key/,
    );
    const winner = people[twice.indexOf('enrolled')]!;
    expect(await store.client('first')).toMatchObject({ publicKey: winner.publicKey });
    const last = await Promise.all(people.slice(2).map(attempt));
    expect(last.filter((answer) => answer === 'enrolled')).toHaveLength(1);
    expect(last.find((answer) => answer !== 'enrolled')).toMatch(/^ERROR_QUOTA_EXCEEDED/);
    expect(await store.clientCount()).toBe(2);
  });

  it('does not lose its code to others: not to another name, a taken one, or a server that is full', async () => {
    const { attempt, invite, store } = await lax({ clients: 3 });
    await invite('alice', 'alice');
    expect(await attempt({ clientId: 'bob', code: 'alice' })).toMatch(/REFUSED: the code is wrong/);
    expect(await attempt({ clientId: 'alice', code: 'alice', ...signed })).toBe('enrolled');
    await invite('any', null);
    expect(await attempt({ clientId: 'alice', code: 'any' })).toMatch(/REFUSED: the code is wrong/);
    expect(await attempt({ clientId: 'bob', code: 'any' })).toBe('enrolled');
    await invite('carol', 'carol');
    await invite('dan', 'dan');
    expect(await attempt({ clientId: 'carol', code: 'carol' })).toBe('enrolled');
    expect(await attempt({ clientId: 'dan', code: 'dan' })).toMatch(/^ERROR_QUOTA_EXCEEDED/);
    await store.deleteClient('bob');
    expect(await attempt({ clientId: 'dan', code: 'dan' })).toBe('enrolled');
  });
});

describe('enrolment without a key', () => {
  it('is for servers that say so, and never takes over a name', async () => {
    const strict = await office({ authorities: [], open: true });
    expect(await strict.attempt({ clientId: 'a' })).toMatch(
      /REFUSED: this server takes signed requests only/,
    );
    const lax = await office({ authorities: [], unsigned: true, open: true });
    expect(await lax.enrol({ clientId: 'a' })).toBe('enrolled');
    expect(await lax.attempt({ clientId: 'a' })).toMatch(/REFUSED: the name is taken/);
    const publicKey = encodePublicKey(createPublicKey(OTHER));
    expect(await lax.enrol({ clientId: 'b', key: OTHER, publicKey })).toBe('enrolled');
    expect(await lax.attempt({ clientId: 'b' })).toMatch(/REFUSED: the name is enrolled with another key/);
    const closed = await office({ authorities: [], unsigned: true });
    expect(await closed.attempt({ clientId: 'a' })).toMatch(/REFUSED: an enrolment code is needed/);
  });
});
