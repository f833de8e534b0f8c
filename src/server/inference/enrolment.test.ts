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
import { DEFAULT_LIMITS } from './configuration.ts';
import { EnrolmentOffice } from './enrolment.ts';
import { RateLimiter } from './rate-limiter.ts';

const SERVER = 'ab'.repeat(32);
const NOW = Date.UTC(2026, 6, 1);
const OTHER = generateKeyPairSync('ed25519').privateKey;

interface Attempt {
  readonly clientId?: string;
  readonly key?: KeyObject;
  readonly chain?: readonly string[];
  readonly now?: number;
  readonly publicKey?: string;
}

async function office(authorities: readonly string[] = [AUTHORITY], unsigned = false, open = false) {
  const store = await SqliteMetadataStore.open(':memory:');
  const authentication = new Authentication(store, new RateLimiter(100, 100), {
    clockSkewMs: 60_000,
    unsigned,
    serverKeyId: SERVER,
  });
  const own = new EnrolmentOffice(store, authentication, { open, unsigned, authorities }, DEFAULT_LIMITS);
  const enrol = ({ clientId = 'certified', key, chain, now = NOW, publicKey }: Attempt): string => {
    const received = { tool: 'enrol_client', arguments: { clientId, nonce: Math.random() } };
    const meta = key === undefined ? {} : { [SIGNATURE_META]: signRequest(received, key, SERVER, now) };
    const call: CallContext = {
      signal: new AbortController().signal,
      progress: () => undefined,
      bearer: null,
      origin: 'test',
      received,
      meta,
    };
    try {
      const { token, client } = own.enrol(
        { clientId, code: undefined, publicKey, certificateChain: chain },
        call,
        now,
      );
      expect(store.client(clientId)).toEqual(client);
      // What is kept does not open anything.
      expect(JSON.stringify(client)).not.toContain(token);
      expect(client.tokenHash).toBe(tokenHash(token));
      return 'enrolled';
    } catch (error) {
      if (error instanceof ToolError) return error.code;
      throw error;
    }
  };
  return { enrol, store };
}

describe('enrolment by certificate', () => {
  const key = createPrivateKey(CLIENT_KEY);
  const chain = [CLIENT_CERTIFICATE];

  it('takes who holds the key of a certificate that the authority issued', async () => {
    const { enrol, store } = await office();
    expect(enrol({ key, chain })).toBe('enrolled');
    expect(store.client('certified')).toMatchObject({
      certificateSubject: 'CN=certified',
      publicKey: encodePublicKey(createPublicKey(key)),
    });
  });

  it('refuses other names, other keys, other authorities and other times', async () => {
    const { enrol } = await office();
    expect(enrol({ key, chain, clientId: 'somebody' })).toBe('ERROR_ENROLMENT_REFUSED');
    expect(enrol({ key: OTHER, chain })).toBe('ERROR_SIGNATURE_INVALID');
    expect(enrol({ chain })).toBe('ERROR_SIGNATURE_REQUIRED');
    expect(enrol({ key, chain, publicKey: encodePublicKey(createPublicKey(OTHER)) })).toBe(
      'ERROR_ENROLMENT_REFUSED',
    );
    const rogue = { key: createPrivateKey(ROGUE_KEY), chain: [ROGUE_CERTIFICATE] };
    expect(enrol(rogue)).toBe('ERROR_ENROLMENT_REFUSED');
    expect(enrol({ key, chain: [CLIENT_CERTIFICATE, CLIENT_CERTIFICATE] })).toBe('ERROR_ENROLMENT_REFUSED');
    expect(enrol({ key, chain, now: Date.UTC(2121, 0, 1) })).toBe('ERROR_ENROLMENT_REFUSED');
    expect(enrol({ key, chain: ['no certificate'] })).toBe('ERROR_ENROLMENT_REFUSED');
    expect(enrol({ key, chain })).toBe('enrolled');
  });

  it('is not offered where no authority is known', async () => {
    const { enrol } = await office([]);
    expect(enrol({ key, chain })).toBe('ERROR_ENROLMENT_REFUSED');
  });
});

describe('enrolment without a key', () => {
  it('is for servers that say so, and never takes over a name', async () => {
    const strict = await office([], false, true);
    expect(strict.enrol({ clientId: 'a' })).toBe('ERROR_ENROLMENT_REFUSED');
    const lax = await office([], true, true);
    expect(lax.enrol({ clientId: 'a' })).toBe('enrolled');
    expect(lax.enrol({ clientId: 'a' })).toBe('ERROR_ENROLMENT_REFUSED');
    const publicKey = encodePublicKey(createPublicKey(OTHER));
    expect(lax.enrol({ clientId: 'b', key: OTHER, publicKey })).toBe('enrolled');
    expect(lax.enrol({ clientId: 'b' })).toBe('ERROR_ENROLMENT_REFUSED');
  });
});
