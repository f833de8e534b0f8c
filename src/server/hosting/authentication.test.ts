/** The replay window, tokens and clocks to the millisecond, on a store in memory and a clock of the test's own. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { encodePublicKey, signRequest } from '../protocol/signing.ts';
import type { CallContext } from '../protocol/tool.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { Authentication, newToken, signatureOf, tokenHash } from './authentication.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { requestRates } from './request-rates.ts';

const NOW = Date.UTC(2026, 6, 1);
const SKEW = 60_000;
const SERVER = 'ab'.repeat(32);
const TOKEN_LIFE = 3_600_000;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const RECEIVED = { tool: 'get_key_status', arguments: { client_id: 'client' } };

interface Options {
  readonly unsigned?: boolean;
  readonly burst?: number;
  readonly publicKey?: string | null;
}

async function world({
  unsigned = false,
  burst = 1000,
  publicKey: own = encodePublicKey(publicKey),
}: Options = {}) {
  const store = await SqliteMetadataStore.open(':memory:');
  const token = newToken();
  await store.putClient({
    clientId: 'client',
    tokenHash: tokenHash(token),
    tokenExpiresAt: NOW + TOKEN_LIFE,
    publicKey: own,
    certificateSubject: null,
    createdAt: NOW,
  });
  const settings = { clockSkewMs: SKEW, unsigned, serverKeyId: SERVER };
  return {
    store,
    token,
    authentication: new Authentication(store, requestRates(new RateLimiter(1e-9, burst)), settings),
  };
}

function callWith(meta: CallContext['meta'], bearer: string | null = null): CallContext {
  return {
    signal: new AbortController().signal,
    progress: () => undefined,
    bearer,
    origin: 'test',
    vouch: () => undefined,
    received: RECEIVED,
    meta,
  };
}

function signedAt(time: number, audience = SERVER): CallContext {
  return callWith({ [SIGNATURE_META]: signRequest(RECEIVED, privateKey, audience, time) });
}

async function refusalOf(action: () => unknown): Promise<ToolError | null> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  return null;
}

async function codeOf(action: () => unknown): Promise<string> {
  return (await refusalOf(action))?.code ?? 'accepted';
}

describe('a signed request', () => {
  it.each([-SKEW, -1, 0, 1, SKEW])('of a clock that is %i ms off is answered', async (off) => {
    const { authentication } = await world();
    expect(
      await codeOf(() => authentication.requireSignature(signedAt(NOW + off), publicKey, 'client', NOW)),
    ).toBe('accepted');
  });

  it.each([-SKEW - 1, SKEW + 1])('of a clock that is %i ms off is not', async (off) => {
    const { authentication } = await world();
    expect(
      await codeOf(() => authentication.requireSignature(signedAt(NOW + off), publicKey, 'client', NOW)),
    ).toBe('ERROR_CLOCK_SKEW');
  });

  it.each([-SKEW, 0, SKEW])(
    'signed %i ms from now is never answered twice while its timestamp is accepted, whatever is forgotten meanwhile',
    async (off) => {
      const { store, authentication } = await world();
      const call = signedAt(NOW + off);
      const send = (now: number): Promise<string> =>
        codeOf(() => authentication.requireSignature(call, publicKey, 'client', now));
      expect(await send(NOW)).toBe('accepted');
      for (let now = NOW; now <= NOW + off + SKEW; now += SKEW / 4) {
        await store.expired(now);
        expect(await send(now)).toBe('ERROR_REPLAYED');
      }
      expect(await send(NOW + off + SKEW + 1)).toBe('ERROR_CLOCK_SKEW');
    },
  );

  it('leaves no nonce behind for good', async () => {
    const { store, authentication } = await world();
    const call = signedAt(NOW);
    await authentication.requireSignature(call, publicKey, 'client', NOW);
    await store.expired(NOW + 10 * SKEW);
    expect(await store.addNonce('client', signatureOf(call)!.nonce, NOW)).toBe(true);
  });

  it('uses up its nonce for its client alone, and only if it is genuine', async () => {
    const { authentication } = await world();
    const call = signedAt(NOW);
    const other = generateKeyPairSync('ed25519').publicKey;
    expect(await codeOf(() => authentication.requireSignature(call, other, 'client', NOW))).toBe(
      'ERROR_SIGNATURE_INVALID',
    );
    expect(await codeOf(() => authentication.requireSignature(call, publicKey, 'client', NOW))).toBe(
      'accepted',
    );
    expect(await codeOf(() => authentication.requireSignature(call, publicKey, 'neighbour', NOW))).toBe(
      'accepted',
    );
  });

  it('must be meant for this server, be signed, well-formed and in time, and is told what it is not', async () => {
    const { authentication } = await world();
    const refusal = async (call: CallContext): Promise<string> => {
      const error = await refusalOf(() => authentication.requireSignature(call, publicKey, 'client', NOW));
      return error === null ? 'accepted' : `${error.code}: ${error.message}`;
    };
    expect(await refusal(signedAt(NOW, 'cd'.repeat(32)))).toMatch(
      /^ERROR_SIGNATURE_INVALID: .* for another server/,
    );
    expect(await refusal(callWith({}))).toMatch(/^ERROR_SIGNATURE_REQUIRED: .* not signed/);
    expect(await refusal(callWith({ [SIGNATURE_META]: { alg: 'none' } }))).toMatch(
      /^ERROR_SIGNATURE_INVALID: .* malformed/,
    );
    expect(await refusal({ ...signedAt(NOW), received: { ...RECEIVED, tool: 'other' } })).toMatch(
      /^ERROR_SIGNATURE_INVALID: .* does not fit/,
    );
    expect(await refusal(signedAt(NOW - SKEW - 1))).toMatch(/^ERROR_CLOCK_SKEW: .* more than 60 s from/);
  });
});

describe('a token', () => {
  const NO_TOKEN = 'ERROR_UNAUTHORIZED';

  it('opens until the millisecond before it expires', async () => {
    const { authentication, token } = await world();
    const at = (now: number): Promise<string> =>
      codeOf(() =>
        authentication.authenticate({ client_id: 'client', auth_token: token }, signedAt(now), now),
      );
    expect(await at(NOW + TOKEN_LIFE - 1)).toBe('accepted');
    expect(await at(NOW + TOKEN_LIFE)).toBe('ERROR_TOKEN_EXPIRED');
  });

  it('may stand in the arguments or in the header, but not differ', async () => {
    const { authentication, token } = await world();
    const code = (argument: string | undefined, bearer: string | null, client = 'client'): Promise<string> =>
      codeOf(() =>
        authentication.authenticate(
          { client_id: client, auth_token: argument },
          { ...signedAt(NOW), bearer },
          NOW,
        ),
      );
    expect(await code(token, null)).toBe('accepted');
    expect(await code(undefined, token)).toBe('accepted');
    expect(await code(token, token)).toBe('accepted');
    expect(await code(token, newToken())).toBe(NO_TOKEN);
    expect(await code(newToken(), token)).toBe(NO_TOKEN);
    expect(await code(newToken(), null)).toBe(NO_TOKEN);
    expect(await code(undefined, null)).toBe(NO_TOKEN);
    expect(await code(token, null, 'nobody')).toBe(NO_TOKEN);
  });

  it('that is wrong gets the same answer whether there is such a client or not', async () => {
    const { authentication } = await world();
    const answer = async (client_id: string, auth_token: string | undefined) => {
      const { code, message, hint } = (await refusalOf(() =>
        authentication.authenticate({ client_id, auth_token }, signedAt(NOW), NOW),
      ))!;
      return { code, message, hint };
    };
    expect(await answer('nobody', 'wrong')).toEqual(await answer('client', 'wrong'));
    expect(await answer('nobody', undefined)).toEqual(await answer('client', undefined));
    expect((await answer('nobody', 'wrong')).message).toMatch(/unknown client_id, or not its auth_token/);
  });

  it('is enough without a signature only for clients without a key, where the server takes that', async () => {
    for (const [unsigned, own, expected] of [
      [false, null, 'ERROR_SIGNATURE_REQUIRED'],
      [true, null, 'accepted'],
      [true, encodePublicKey(publicKey), 'ERROR_SIGNATURE_REQUIRED'],
    ] as const) {
      const { authentication, token } = await world({ unsigned, publicKey: own });
      const credentials = { client_id: 'client', auth_token: token };
      expect(await codeOf(() => authentication.authenticate(credentials, callWith({}), NOW))).toBe(expected);
    }
  });

  it('names its client to transports, expired or not; so do invitations in time', async () => {
    const { store, authentication, token } = await world();
    expect(await authentication.holderOf(token, NOW + 2 * TOKEN_LIFE)).toBe('client');
    expect(await authentication.holderOf(newToken(), NOW)).toBeNull();
    const code = newToken();
    await store.putInvitation({ codeHash: tokenHash(code), clientId: null, expiresAt: NOW + 1000 });
    expect(await authentication.holderOf(code, NOW)).toBe(`invited ${tokenHash(code)}`);
    expect(await authentication.holderOf(code, NOW + 1001)).toBeNull();
  });

  it('is 256 random bits, and kept as a hash', () => {
    expect(Buffer.from(newToken(), 'base64url')).toHaveLength(32);
    expect(newToken()).not.toBe(newToken());
    expect(tokenHash('a')).toBe('ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb');
  });
});

describe('a call', () => {
  /** Whether it was vouched for, and what it met. */
  async function admitted(
    authentication: Authentication,
    given: { token?: unknown; bearer?: string; origin?: string },
  ): Promise<string> {
    const vouch = vi.fn();
    const received = { tool: 'list_models', arguments: 'token' in given ? { auth_token: given.token } : {} };
    const call = { ...callWith({}, given.bearer ?? null), origin: given.origin ?? 'test', received, vouch };
    const code = await codeOf(() => authentication.admit(call));
    if (vouch.mock.calls.length === 0) return code;
    expect(vouch.mock.calls).toEqual([[given.token === 'other' ? 'neighbour' : 'client']]);
    return `vouched for, ${code}`;
  }

  it('counts once: against the client whose token it has, in the arguments or in the header, else against its origin', async () => {
    const { authentication, token } = await world({ burst: 2 });
    expect(await admitted(authentication, { token })).toBe('vouched for, accepted');
    expect(await admitted(authentication, { bearer: token })).toBe('vouched for, accepted');
    expect(await admitted(authentication, { token })).toBe('vouched for, ERROR_RATE_LIMITED');
    expect(await admitted(authentication, { token: newToken() })).toBe('accepted');
    expect(await admitted(authentication, { token: newToken(), bearer: token })).toBe('accepted');
    for (const wrong of [newToken(), 7, null, {}, 'x'.repeat(1e6)])
      expect(await admitted(authentication, { token: wrong })).toBe('ERROR_RATE_LIMITED');
    expect(await admitted(authentication, {})).toBe('ERROR_RATE_LIMITED');
  });

  it('leaves their rates to other clients and origins', async () => {
    const { store, authentication, token } = await world({ burst: 1 });
    await store.putClient({
      ...(await store.client('client'))!,
      clientId: 'neighbour',
      tokenHash: tokenHash('other'),
    });
    expect(await admitted(authentication, { token })).toBe('vouched for, accepted');
    expect(await admitted(authentication, { token })).toBe('vouched for, ERROR_RATE_LIMITED');
    expect(await admitted(authentication, { token: 'other' })).toBe('vouched for, accepted');
    expect(await admitted(authentication, {})).toBe('accepted');
    expect(await admitted(authentication, {})).toBe('ERROR_RATE_LIMITED');
    expect(await admitted(authentication, { origin: 'elsewhere' })).toBe('accepted');
  });
});
