/** A server that refuses requests without a token, and clients that get one, send it when asked, and renew it. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../inference/configuration.ts';
import { openTestServer } from '../testing/open-test-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';
import { encodePublicKey } from '../protocol/signing.ts';
import { TLS_CERTIFICATE, TLS_KEY } from '../testing/certificates.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture } from '../testing/served-model.ts';
import { connect } from './connection.ts';
import type { CredentialStore, Enrolment } from './credentials.ts';
import { RemoteServer } from './remote-server.ts';
import { parseServerAddress } from './server-address.ts';
import { digestOfFile } from './upload-file.ts';

/** Longer than an upload takes on a busy machine: a token that expires within one is renewed once more. */
const TOKEN_MS = 2000;

let model: TestModel;
let folder: string;
beforeAll(async () => {
  model = await compileFixture('digits-square');
  folder = await mkdtemp(join(tmpdir(), 'he-compile-bearer-'));
  if (typeof tls.setDefaultCACertificates === 'function')
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), TLS_CERTIFICATE]);
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Seen {
  readonly authorization: string | null;
  readonly status: number;
}

/** In memory; what was saved can be looked at. */
class Credentials implements CredentialStore {
  exclusively<T>(_client: string, action: () => Promise<T>): Promise<T> {
    return action();
  }

  readonly #privateKey = generateKeyPairSync('ed25519').privateKey;
  saved: Enrolment | null = null;

  identity(): ReturnType<CredentialStore['identity']> {
    const publicKey = encodePublicKey(createPublicKey(this.#privateKey));
    return Promise.resolve({ privateKey: this.#privateKey, publicKey, certificateChain: [] });
  }

  enrolment(): Promise<Enrolment | null> {
    return Promise.resolve(this.saved);
  }

  saveEnrolment(_client: string, _server: string, enrolment: Enrolment): Promise<void> {
    this.saved = enrolment;
    return Promise.resolve();
  }

  forgetEnrolment(): Promise<void> {
    this.saved = null;
    return Promise.resolve();
  }
}

const overTls = typeof tls.setDefaultCACertificates === 'function';

describe.for(overTls ? ['http', 'https'] : ['http'])('over %s', (scheme) => {
  it('a code opens the door once, then the token does, and an expired one as far as its renewal', async () => {
    const state = join(folder, scheme);
    const configuration = {
      stateFolder: state,
      limits: { ...DEFAULT_LIMITS, tokenLifetimeMs: TOKEN_MS },
      enrolment: { open: false, unsigned: false, authorities: [] },
      threads: 1,
    };
    await using server = await openTestServer([model.file], configuration, '0.0.0-test', SILENT_LOG);
    const { url } = await server.listenHttp({
      address: { host: '127.0.0.1', port: 0 },
      tls: scheme === 'https' ? { certificate: TLS_CERTIFICATE, key: TLS_KEY } : null,
      sse: false,
      allowedHosts: [],
      allowedOrigins: [],
      requireBearer: true,
    });
    expect(new URL(url).protocol).toBe(`${scheme}:`);
    const bare = await fetch(url, { method: 'POST', body: '{}' });
    expect([bare.status, bare.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);

    const seen: Seen[] = [];
    const recording: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      seen.push({ authorization: new Headers(init?.headers).get('authorization'), status: response.status });
      return response;
    };
    const open = (credentials: Credentials, enrolmentCode?: string): Promise<RemoteServer> =>
      RemoteServer.open({
        clientId: 'guest',
        server: url,
        credentials,
        connect: (signal, bearers) => connect(parseServerAddress(url), { signal, bearers, fetch: recording }),
        ...(enrolmentCode === undefined ? {} : { enrolmentCode }),
      });
    await using stranger = await open(new Credentials());
    await expect(stranger.describe(undefined)).rejects.toMatchObject({ code: 'ERROR_REMOTE' });
    await using guesser = await open(new Credentials(), 'not-a-code-of-this-server');
    await expect(guesser.describe(undefined)).rejects.toMatchObject({ code: 'ERROR_REMOTE' });

    seen.length = 0;
    const { code } = await server.backstage.invite('guest', 60_000);
    const credentials = new Credentials();
    const path = join(folder, `${scheme}.bin`);
    await writeFile(path, 'any bytes');
    const file = { fileName: 'input.hect', path, ...(await digestOfFile(path)) };
    const tokens: string[] = [];
    const upload = async (remote: RemoteServer, session: string): Promise<void> => {
      await remote.uploadInputs(session, [file]);
      tokens.push(credentials.saved!.authToken);
    };
    {
      await using remote = await open(credentials, code);
      expect(await remote.describe(undefined)).toMatchObject({ batchSize: 1 });
      await upload(remote, 'first');
      await new Promise((resolve) => setTimeout(resolve, TOKEN_MS + 50));
      await upload(remote, 'second');
    }
    await new Promise((resolve) => setTimeout(resolve, TOKEN_MS + 50));
    await using later = await open(credentials);
    await upload(later, 'third');

    expect(new Set(tokens).size).toBe(3);
    // Nothing before it was asked for; the code only until there was a token; every token once it was there.
    expect(seen[0]).toEqual({ authorization: null, status: 401 });
    const sent = seen.map(({ authorization }) => authorization).filter((value) => value !== null);
    expect([...new Set(sent)]).toEqual([code, ...tokens].map((bearer) => `Bearer ${bearer}`));
    expect(seen.filter(({ status, authorization }) => status < 300 && authorization === null)).toEqual([]);
  });
});
