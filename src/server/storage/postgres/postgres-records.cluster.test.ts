/** Records of several front ends on one database, over connections that end and a server that is killed: nothing is lost, and nothing counts twice. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChunkRecord, ClientRecord, KeySetRecord, SessionRecord, UploadOwner } from '../records.ts';
import { LossyWay } from '../testing/lossy-way.ts';
import { postgresMissing, PostgresServer } from '../testing/postgres-server.ts';
import { PostgresDatabase } from './postgres-database.ts';
import { PostgresMetadataStore } from './postgres-metadata-store.ts';

/** Recovery writes all files of all databases out, on whatever disk there is. */
const RESTART_MS = 120_000;

describe.skipIf(postgresMissing() !== null)('records of several front ends', () => {
  let server: PostgresServer;
  let databases = 0;
  let name: string;
  let opened: AsyncDisposableStack;
  let a: PostgresMetadataStore;
  let b: PostgresMetadataStore;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    name = `records${databases++}`;
    await server.query(`CREATE DATABASE ${name}`);
    [a, b] = [await front(), await front()];
  });
  afterEach(() => opened.disposeAsync());

  async function front(address = server.addressOf(name)): Promise<PostgresMetadataStore> {
    const database = opened.use(
      await PostgresDatabase.open(address, { environment: {}, patienceMs: RESTART_MS }),
    );
    return opened.use(new PostgresMetadataStore(database));
  }

  const begin = (fileName: string) => a.beginUpload({ owner: OWNER, fileName, totalChunks: 1000 });
  const sums = async () => {
    const rows = await a.chunks(OWNER, 'f');
    return {
      chunks: rows.reduce((sum, { bytes }) => sum + bytes, 0),
      upload: (await a.upload(OWNER, 'f'))?.receivedBytes,
      received: (await a.upload(OWNER, 'f'))?.receivedChunks === rows.length,
      client: await b.stagedBytes('c'),
      all: await b.storedBytes(),
    };
  };
  const agree = (bytes: number) => ({
    chunks: bytes,
    upload: bytes,
    received: true,
    client: bytes,
    all: bytes,
  });

  it('are changed under one name by one at a time, whoever it is', async () => {
    let [inside, most] = [0, 0];
    const add = (store: PostgresMetadataStore) =>
      store.exclusive('name', async () => {
        most = Math.max(most, ++inside);
        const before = (await store.client('c'))?.createdAt ?? 0;
        await store.putClient({ ...CLIENT, createdAt: before + 1 });
        inside--;
      });
    await Promise.all(Array.from({ length: 20 }, (_, i) => add(i % 2 === 0 ? a : b)));
    expect(most).toBe(1);
    expect((await a.client('c'))?.createdAt).toBe(20);
  });

  it('are changed under many names over a single connection for statements', async () => {
    const narrow = await front(`${server.addressOf(name)}?max_connections=1`);
    const add = (i: number) => narrow.exclusive(`name ${i}`, () => narrow.addNonce('c', `n${i}`, 100));
    expect(await Promise.all(Array.from({ length: 12 }, (_, i) => add(i)))).not.toContain(false);
  });

  it('are changed under a name that is free while many others are waited for', async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const names = Array.from({ length: 12 }, (_, i) => `name ${i}`);
    let held = 0;
    const holding = names.map((each) =>
      b.exclusive(each, async () => {
        held++;
        await gate;
      }),
    );
    while (held < names.length) await new Promise((resolve) => setImmediate(resolve));
    const waiting = names.map((each) => a.exclusive(each, async () => held));
    expect(await a.exclusive('free', () => a.addNonce('c', 'n', 100))).toBe(true);
    open();
    await Promise.all(holding);
    expect(await Promise.all(waiting)).toEqual(names.map(() => names.length));
  });

  it('take in what was begun under a name whose connection is lost, and the next one comes', async () => {
    await a.exclusive('name', async () => {
      await server.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`, name);
      await a.putClient(CLIENT);
    });
    expect(await b.exclusive('name', () => b.client('c'))).toEqual(CLIENT);
    expect(await a.exclusive('name', () => a.client('c'))).toEqual(CLIENT);
  });

  it('have a nonce once and an invitation once, wherever they are shown', async () => {
    for (let i = 0; i < 20; i++) {
      await a.putInvitation({ codeHash: `h${i}`, clientId: null, expiresAt: 100 });
      const nonces = [a, b, a, b].map((store) => store.addNonce('c', `n${i}`, 100));
      const taken = [a, b, a, b].map((store, j) => store.takeInvitation(`h${i}`, `c${j}`, 1));
      expect((await Promise.all(nonces)).filter(Boolean)).toHaveLength(1);
      expect((await Promise.all(taken)).filter(Boolean)).toHaveLength(1);
    }
  });

  it('keep to a quota that is looked at and used under one name', async () => {
    await begin('f');
    const add = (store: PostgresMetadataStore, index: number) =>
      store.exclusive('c', async () => {
        if ((await store.stagedBytes('c')) + 10 > 100) return;
        await store.putChunk(OWNER, 'f', chunk(index, 10));
      });
    await Promise.all(Array.from({ length: 30 }, (_, i) => add(i % 2 === 0 ? a : b, i)));
    expect(await sums()).toEqual(agree(100));
  });

  it('add up while chunks come in and uploads go at once', async () => {
    for (let round = 0; round < 10; round++) {
      await begin('f');
      const coming = Array.from({ length: 12 }, (_, i) =>
        (i % 2 === 0 ? a : b).putChunk(OWNER, 'f', chunk(i % 6, 10)),
      );
      await Promise.all([...coming, b.deleteUploads(OWNER), a.deleteUploads(OWNER)]);
      const left = await sums();
      expect(left, `round ${round}`).toEqual({
        ...agree(left.chunks),
        ...(left.upload === undefined ? { upload: undefined, received: false } : {}),
      });
      await a.deleteUploads(OWNER);
      expect(await a.storedBytes()).toBe(0);
    }
  });

  it('are asked for by values that are no part of what is asked', async () => {
    const hostile = [`'; DROP TABLE clients; --`, '$1', `\\'`, '"', '%', 'ж\u{1f600}'];
    for (const text of hostile) {
      await a.putClient({ ...CLIENT, clientId: text, tokenHash: text });
      const owner = { clientId: text, kind: 'keys', id: text } as const;
      await a.beginUpload({ owner, fileName: text, totalChunks: 1 });
      await a.putChunk(owner, text, { index: 0, bytes: 1, sha256: text });
      expect(await b.client(text)).toMatchObject({ clientId: text });
      expect(await b.chunks(owner, text)).toEqual([{ index: 0, bytes: 1, sha256: text }]);
      expect(await b.exclusive(text, () => b.addNonce(text, text, 100))).toBe(true);
    }
    expect(await a.clientCount()).toBe(hostile.length);
  });

  describe('whose commits nobody confirms', () => {
    let way: LossyWay;
    let store: PostgresMetadataStore;
    beforeEach(async () => {
      way = opened.use(await LossyWay.to(server.port));
      store = await front(server.addressOf(name).replace(`:${server.port}/`, `:${way.port}/`));
    });
    afterEach(() => expect(way.outstanding, 'commits that should have been lost').toBe(0));

    it('are not taken for those of others', async () => {
      way.loseCommits(2);
      expect(await store.addNonce('c', 'n', 100)).toBe(true);
      expect(await a.addNonce('c', 'n', 100)).toBe(false);
      await a.putInvitation({ codeHash: 'h', clientId: null, expiresAt: 100 });
      way.loseCommits(2);
      expect(await store.takeInvitation('h', 'c', 1)).toBe(true);
      expect(await a.takeInvitation('h', 'c', 1)).toBe(false);
      await a.putKeySet(KEY_SET);
      way.loseCommits(2);
      expect(await store.settleKeys('c', 'k', 'active', null, 9)).toBe(true);
      expect(await store.settleKeys('c', 'k', 'active', null, 9)).toBe(false);
    });

    it('find that others were first', async () => {
      await a.addNonce('c', 'n', 100);
      way.loseCommits(1);
      expect(await store.addNonce('c', 'n', 100)).toBe(false);
      await a.putKeySet({ ...KEY_SET, state: 'rejected', rejection: 'ERROR' });
      way.loseCommits(1);
      expect(await store.settleKeys('c', 'k', 'active', null, 9)).toBe(false);
    });

    it('do not count twice', async () => {
      way.loseCommits(1);
      await store.beginUpload({ owner: OWNER, fileName: 'f', totalChunks: 2 });
      way.loseCommits(2);
      await store.putChunk(OWNER, 'f', chunk(0, 10));
      way.loseCommits(1);
      await store.putChunk(OWNER, 'f', chunk(1, 20));
      expect(await sums()).toEqual(agree(30));
      way.loseCommits(2);
      await store.deleteUploads(OWNER);
      expect([await a.stagedBytes('c'), await a.storedBytes()]).toEqual([0, 0]);
    });

    it('are there all the same', async () => {
      const session: SessionRecord = {
        ...{ clientId: 'c', sessionId: 's', state: 'staging', model: null, keyRef: null, ompThreads: null },
        ...{ createdAt: 1, expiresAt: 2, queuedAt: null, outcome: null },
      };
      const changes: [() => Promise<void>, () => Promise<boolean>][] = [
        [() => store.putClient(CLIENT), async () => (await a.client('c')) !== null],
        [() => store.deleteClient('c'), async () => (await a.client('c')) === null],
        [() => store.putKeySet(KEY_SET), async () => (await a.keySet('c', 'k')) !== null],
        [() => store.revokeKeys('c', 'k'), async () => (await a.keySet('c', 'k'))?.state === 'revoked'],
        [() => store.deleteKeySet('c', 'k'), async () => (await a.keySet('c', 'k')) === null],
        [() => store.putSession(session), async () => (await a.session('c', 's')) !== null],
        [() => store.deleteSession('c', 's'), async () => (await a.session('c', 's')) === null],
      ];
      for (const [change, isThere] of changes) {
        way.loseCommits(1);
        await change();
        expect(await isThere(), String(change)).toBe(true);
      }
    });
  });

  it('that were acknowledged are there after the server was killed, and add up', async () => {
    await begin('f');
    for (let round = 0; round < 5; round++) {
      const acknowledged = new Set<number>();
      const write = async (store: PostgresMetadataStore, from: number) => {
        for (let i = 0; i < 40; i++) {
          // The one writes anew what the other has written.
          const index = round * 40 + ((from + i) % 40);
          await store.exclusive('c', () => store.putChunk(OWNER, 'f', chunk(index, index + 1)));
          acknowledged.add(index);
        }
      };
      const writing = Promise.all([write(a, 0), write(b, 20)]);
      const enough = Math.floor(Math.random() * 30);
      while (acknowledged.size <= enough) await new Promise((resolve) => setImmediate(resolve));
      await server.kill();
      const before = [...acknowledged];
      await server.restart();
      const there = new Set((await a.chunks(OWNER, 'f')).map(({ index }) => index));
      expect(
        before.filter((index) => !there.has(index)),
        `killed after ${enough}`,
      ).toEqual([]);
      await writing;
      const count = (round + 1) * 40;
      expect(await sums(), `killed after ${enough}`).toEqual(agree((count * (count + 1)) / 2));
    }
  });
});

const CLIENT: ClientRecord = {
  ...{ clientId: 'c', tokenHash: 't', tokenExpiresAt: 9, publicKey: null, certificateSubject: null },
  createdAt: 0,
};
const KEY_SET: KeySetRecord = {
  ...{ clientId: 'c', keyRef: 'k', algorithmId: 'a', model: 'm', files: [], state: 'provisioning' },
  ...{ rejection: null, createdAt: 1, activatedAt: null, expiresAt: 9 },
};
const OWNER: UploadOwner = { clientId: 'c', kind: 'keys', id: 'k' };

function chunk(index: number, bytes: number): ChunkRecord {
  return { index, bytes, sha256: `of ${index}` };
}
