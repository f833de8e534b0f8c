/** What every store of records keeps to, whatever database is behind it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MetadataStore } from '../metadata-store.ts';
import type {
  ChunkRecord,
  ClientRecord,
  KeySetRecord,
  SessionOutcome,
  SessionRecord,
  UploadOwner,
} from '../records.ts';

/**
 * Registers the tests; to be called in a test file.
 * @param open an empty one each time
 */
export function metadataStoreContract(what: string, open: () => Promise<MetadataStore>): void {
  describe(what, () => {
    let store: MetadataStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store[Symbol.asyncDispose]());

    describe('actions under one name', () => {
      it('come one at a time, in whatever order, and others do not wait for them', async () => {
        let [inside, most] = [0, 0];
        const action = async (): Promise<void> => {
          most = Math.max(most, ++inside);
          for (let i = 0; i < 3; i++) await store.clientCount();
          inside--;
        };
        await Promise.all(Array.from({ length: 8 }, () => store.exclusive('a', action)));
        expect(most).toBe(1);
        let open = (): void => undefined;
        const gate = new Promise<void>((resolve) => (open = resolve));
        const held = store.exclusive('a', () => gate);
        expect(await store.exclusive('b', async () => 'done')).toBe('done');
        open();
        await held;
      });

      it('may fail, which is for whoever asked, and no obstacle for the next', async () => {
        const failing = store.exclusive('a', () => Promise.reject(new Error('so')));
        const next = store.exclusive('a', async () => 7);
        await expect(failing).rejects.toThrow('so');
        expect(await next).toBe(7);
      });

      it('find what the one before has written', async () => {
        const add = () =>
          store.exclusive('a', async () => {
            const before = (await store.client('c'))?.createdAt ?? 0;
            await store.putClient({ ...CLIENT, createdAt: before + 1 });
          });
        await Promise.all(Array.from({ length: 5 }, add));
        expect((await store.client('c'))?.createdAt).toBe(5);
      });
    });

    describe('a client', () => {
      it('is found by its name and its token', async () => {
        expect(await store.client('c')).toBeNull();
        await store.putClient(CLIENT);
        expect(await store.client('c')).toEqual(CLIENT);
        expect(await store.clientByToken(CLIENT.tokenHash)).toEqual(CLIENT);
        expect(await store.clientByToken('other')).toBeNull();
        expect(await store.client('d')).toBeNull();
      });

      it('takes the place of the one before of its name', async () => {
        await store.putClient(CLIENT);
        const other = { ...CLIENT, tokenHash: 'other', publicKey: null, certificateSubject: 'CN=c' };
        await store.putClient(other);
        expect(await store.client('c')).toEqual(other);
        expect(await store.clientByToken(CLIENT.tokenHash)).toBeNull();
        expect(await store.clientCount()).toBe(1);
      });

      it('is counted until it is deleted', async () => {
        for (const clientId of ['a', 'b', 'c'])
          await store.putClient({ ...CLIENT, clientId, tokenHash: `t-${clientId}` });
        expect(await store.clientCount()).toBe(3);
        await store.deleteClient('b');
        await store.deleteClient('b');
        expect(await store.clientCount()).toBe(2);
        expect(await store.client('b')).toBeNull();
        expect(await store.clientByToken('t-b')).toBeNull();
      });
    });

    describe('an invitation', () => {
      const invite = (clientId: string | null, expiresAt = 100) =>
        store.putInvitation({ codeHash: 'h', clientId, expiresAt });

      it('is there until its time is over', async () => {
        await invite(null);
        expect(await store.hasInvitation('h', 99)).toBe(true);
        expect(await store.hasInvitation('h', 100)).toBe(false);
        expect(await store.hasInvitation('other', 99)).toBe(false);
        expect(await store.takeInvitation('h', 'c', 100)).toBe(false);
        expect(await store.takeInvitation('h', 'c', 99)).toBe(true);
        expect(await store.hasInvitation('h', 99)).toBe(false);
      });

      it('is taken once, however many come at once', async () => {
        await invite(null);
        const taken = await Promise.all(
          ['a', 'b', 'c', 'd'].map((clientId) => store.takeInvitation('h', clientId, 1)),
        );
        expect(taken.filter(Boolean)).toHaveLength(1);
      });

      it('for a name is not taken by another, and one for any not where a name is wanted', async () => {
        await invite('c');
        expect(await store.takeInvitation('h', 'd', 1)).toBe(false);
        expect(await store.takeInvitation('h', 'c', 1, true)).toBe(true);
        await invite(null);
        expect(await store.takeInvitation('h', 'c', 1, true)).toBe(false);
        expect(await store.takeInvitation('h', 'c', 1, false)).toBe(true);
      });
    });

    describe('a nonce', () => {
      it('is new once to each client, also if it comes twice at once', async () => {
        const added = await Promise.all([1, 2, 3].map(() => store.addNonce('c', 'n', 100)));
        expect(added.filter(Boolean)).toHaveLength(1);
        expect(await store.addNonce('d', 'n', 100)).toBe(true);
        expect(await store.addNonce('c', 'm', 100)).toBe(true);
        await store.settled();
        expect(await store.addNonce('c', 'm', 100)).toBe(false);
      });

      it('is forgotten when its time is over, and not before', async () => {
        await store.addNonce('c', 'n', 100);
        await store.expired(100);
        expect(await store.addNonce('c', 'n', 100)).toBe(false);
        await store.expired(101);
        expect(await store.addNonce('c', 'n', 100)).toBe(true);
      });
    });

    describe('a key set', () => {
      it('is that of one client, as it was put last', async () => {
        expect(await store.keySet('c', 'k')).toBeNull();
        await store.putKeySet(KEY_SET);
        expect(await store.keySet('c', 'k')).toEqual(KEY_SET);
        expect(await store.keySet('d', 'k')).toBeNull();
        const active = { ...KEY_SET, state: 'active', activatedAt: 7 } as const;
        await store.putKeySet(active);
        expect(await store.keySet('c', 'k')).toEqual(active);
        expect(await store.keySets('c')).toEqual([active]);
        await store.deleteKeySet('d', 'k');
        expect(await store.keySets('c')).toHaveLength(1);
        await store.deleteKeySet('c', 'k');
        expect(await store.keySets('c')).toEqual([]);
      });

      it('is listed by when it was activated, or else made, the newest first', async () => {
        const put = (keyRef: string, createdAt: number, activatedAt: number | null) =>
          store.putKeySet({ ...KEY_SET, keyRef, createdAt, activatedAt });
        await put('old', 1, null);
        await put('late', 2, 9);
        await put('new', 5, null);
        await store.putKeySet({ ...KEY_SET, clientId: 'd', createdAt: 7 });
        expect((await store.keySets('c')).map(({ keyRef }) => keyRef)).toEqual(['late', 'new', 'old']);
      });

      it('is settled once, and only while it is being provisioned', async () => {
        await store.putKeySet(KEY_SET);
        await store.putKeySet({ ...KEY_SET, keyRef: 'other' });
        expect(await store.settleKeys('d', 'k', 'active', null, 9)).toBe(false);
        expect(await store.settleKeys('c', 'k', 'active', null, 9)).toBe(true);
        expect(await store.settleKeys('c', 'k', 'rejected', 'ERROR', 10)).toBe(false);
        expect(await store.keySet('c', 'k')).toEqual({ ...KEY_SET, state: 'active', activatedAt: 9 });
        expect(await store.settleKeys('c', 'other', 'rejected', 'ERROR', 9)).toBe(true);
        expect(await store.keySet('c', 'other')).toEqual({
          ...{ ...KEY_SET, keyRef: 'other', state: 'rejected', rejection: 'ERROR' },
        });
      });

      it.each(['provisioning', 'active', 'rejected'] as const)('%s is revoked for good', async (state) => {
        await store.putKeySet({ ...KEY_SET, state, rejection: state === 'rejected' ? 'ERROR' : null });
        await store.putKeySet({ ...KEY_SET, keyRef: 'other' });
        await store.revokeKeys('d', 'k');
        expect((await store.keySet('c', 'k'))?.state).toBe(state);
        await store.revokeKeys('c', 'k');
        expect(await store.keySet('c', 'k')).toEqual({ ...KEY_SET, state: 'revoked' });
        expect(await store.settleKeys('c', 'k', 'active', null, 9)).toBe(false);
        expect((await store.keySet('c', 'k'))?.state).toBe('revoked');
        expect((await store.keySet('c', 'other'))?.state).toBe('provisioning');
      });

      it('is settled or revoked, whichever comes first, and revoked in the end', async () => {
        await store.putKeySet(KEY_SET);
        await Promise.all([
          store.settleKeys('c', 'k', 'active', null, 9),
          store.revokeKeys('c', 'k'),
          store.settleKeys('c', 'k', 'rejected', 'ERROR', 9),
        ]);
        expect((await store.keySet('c', 'k'))?.state).toBe('revoked');
      });
    });

    describe('an upload', () => {
      it('has as many chunks as was said first', async () => {
        expect(await store.upload(OWNER, 'f')).toBeNull();
        const first = { owner: OWNER, fileName: 'f', totalChunks: 3, receivedChunks: 0, receivedBytes: 0 };
        expect(await store.beginUpload({ owner: OWNER, fileName: 'f', totalChunks: 3 })).toEqual(first);
        expect(await store.beginUpload({ owner: OWNER, fileName: 'f', totalChunks: 4 })).toEqual(first);
        expect(await store.upload(OWNER, 'f')).toEqual(first);
      });

      it('is one of its owner’s, by name', async () => {
        for (const fileName of ['g', 'f'])
          await store.beginUpload({ owner: OWNER, fileName, totalChunks: 1 });
        for (const owner of OTHERS) await store.beginUpload({ owner, fileName: 'h', totalChunks: 2 });
        expect((await store.uploads(OWNER)).map(({ fileName }) => fileName)).toEqual(['f', 'g']);
        for (const owner of OTHERS) {
          expect(await store.uploads(owner)).toMatchObject([{ owner, fileName: 'h' }]);
          expect(await store.upload(owner, 'f')).toBeNull();
        }
      });

      it('takes chunks in any order, each once, also if it comes twice at once', async () => {
        await store.beginUpload({ owner: OWNER, fileName: 'f', totalChunks: 3 });
        const chunks: ChunkRecord[] = [chunk(2, 20), chunk(0, 10)];
        for (const each of chunks) await store.putChunk(OWNER, 'f', each);
        await Promise.all([1, 2, 3].map(() => store.putChunk(OWNER, 'f', chunk(1, 5))));
        await store.putChunk(OWNER, 'f', { ...chunk(0, 99), sha256: 'other' });
        expect(await store.chunks(OWNER, 'f')).toEqual([chunk(0, 10), chunk(1, 5), chunk(2, 20)]);
        expect(await store.chunk(OWNER, 'f', 2)).toEqual(chunk(2, 20));
        expect(await store.chunk(OWNER, 'f', 3)).toBeNull();
        expect(await store.chunk(OWNER, 'g', 2)).toBeNull();
        expect(await store.upload(OWNER, 'f')).toMatchObject({ receivedChunks: 3, receivedBytes: 35 });
      });

      it('is added up for its owner, its client and all, as it comes and goes', async () => {
        const put = async (owner: UploadOwner, fileName: string, index: number, bytes: number) => {
          await store.beginUpload({ owner, fileName, totalChunks: 3 });
          await store.putChunk(owner, fileName, chunk(index, bytes));
        };
        await Promise.all([
          put(OWNER, 'f', 0, 10),
          put(OWNER, 'f', 1, 20),
          put(OWNER, 'g', 0, 40),
          ...OTHERS.map((owner, i) => put(owner, 'f', 0, 100 * (i + 1))),
        ]);
        const sums = async () => [
          await store.stagedBytes('c', OWNER),
          await store.stagedBytes('c'),
          await store.stagedBytes('d'),
          await store.storedBytes(),
        ];
        // Two of the others are of the same client.
        expect(await sums()).toEqual([70, 370, 300, 670]);
        await store.deleteUploads(OWNER);
        await store.deleteUploads(OWNER);
        expect(await sums()).toEqual([0, 300, 300, 600]);
        expect(await store.uploads(OWNER)).toEqual([]);
        expect(await store.chunks(OWNER, 'f')).toEqual([]);
        expect(await store.stagedBytes('nobody')).toBe(0);
        for (const owner of OTHERS) expect(await store.chunks(owner, 'f')).toHaveLength(1);
      });
    });

    describe('a session', () => {
      it('is that of one client, as it was put last, and stamped', async () => {
        expect(await store.session('c', 's')).toBeNull();
        const before = Date.now();
        await store.putSession(SESSION);
        const { updatedAt, ...rest } = (await store.session('c', 's'))!;
        expect(rest).toEqual(SESSION);
        expect(updatedAt).toBeGreaterThanOrEqual(before);
        expect(await store.session('d', 's')).toBeNull();
        const failed: SessionRecord = {
          ...SESSION,
          ...{ state: 'failed', model: 'm', keyRef: 'k', ompThreads: 3, queuedAt: 7 },
          outcome: { ok: false, errorCode: 'ERROR', message: 'so' },
        };
        await store.putSession(failed);
        expect(await store.session('c', 's')).toMatchObject(failed);
        const outcome: SessionOutcome = {
          ...{ ok: true, resultBytes: 3, resultSha256: 'ab', inferSeconds: 0.25, remainingLevel: null },
          ...{ scale: 2 ** 40, noiseBudgetBits: null, depthUsed: 2, outputShape: [1, 10], resultKey: 'r' },
        };
        await store.putSession({ ...failed, state: 'done', outcome });
        expect((await store.session('c', 's'))?.outcome).toEqual(outcome);
      });

      it('is counted until it is deleted', async () => {
        for (const sessionId of ['a', 'b']) await store.putSession({ ...SESSION, sessionId });
        await store.putSession({ ...SESSION, clientId: 'd' });
        expect(await store.sessionCount('c')).toBe(2);
        await store.deleteSession('d', 'a');
        await store.deleteSession('c', 'a');
        expect(await store.sessionCount('c')).toBe(1);
        expect(await store.session('c', 'a')).toBeNull();
        expect(await store.sessionCount('nobody')).toBe(0);
      });

      it('that was ever queued is listed in that order, in pages, until its time is over', async () => {
        const put = (sessionId: string, queuedAt: number | null, expiresAt = 1000, clientId = 'c') =>
          store.putSession({ ...SESSION, clientId, sessionId, queuedAt, expiresAt });
        await put('z', 1);
        await put('b', 2);
        await put('a', 2);
        await put('late', 9);
        await put('never', null);
        await put('over', 3, 500);
        await put('theirs', 3, 1000, 'd');
        const page = async (after: [number, string] | null, most: number, now = 500) => {
          const place = after === null ? null : { queuedAt: after[0], sessionId: after[1] };
          return (await store.orderedSessions('c', place, now, most)).map(({ sessionId }) => sessionId);
        };
        expect(await page(null, 100)).toEqual(['z', 'a', 'b', 'late']);
        expect(await page(null, 2)).toEqual(['z', 'a']);
        expect(await page([2, 'a'], 2)).toEqual(['b', 'late']);
        // Behind a place that nobody has.
        expect(await page([2, 'aa'], 1)).toEqual(['b']);
        expect(await page([9, 'late'], 2)).toEqual([]);
        expect(await page(null, 100, 499)).toEqual(['z', 'a', 'b', 'over', 'late']);
        expect(await page(null, 100, 1000)).toEqual([]);
      });

      it('that waits or runs is unfinished, in the order of the queue', async () => {
        const states = ['staging', 'queued', 'running', 'done', 'failed', 'cancelled'] as const;
        for (const [i, state] of states.entries())
          await store.putSession({ ...SESSION, sessionId: state, state, queuedAt: 10 - i });
        await store.putSession({ ...SESSION, clientId: 'd', state: 'queued', queuedAt: 1 });
        const unfinished = await store.unfinishedSessions();
        expect(unfinished.map(({ clientId, sessionId }) => `${clientId} ${sessionId}`)).toEqual([
          ...['d s', 'c running', 'c queued'],
        ]);
      });
    });

    it('what is past its time is named, of all clients, but not what waits or runs', async () => {
      await store.putSession({ ...SESSION, expiresAt: 100 });
      await store.putSession({ ...SESSION, clientId: 'd', state: 'done', expiresAt: 99 });
      for (const state of ['queued', 'running'] as const)
        await store.putSession({ ...SESSION, sessionId: state, state, expiresAt: 1 });
      await store.putKeySet({ ...KEY_SET, expiresAt: 100 });
      await store.putKeySet({ ...KEY_SET, clientId: 'd', state: 'revoked', expiresAt: 99 });
      await store.putInvitation({ codeHash: 'h', clientId: null, expiresAt: 100 });
      const names = async (now: number) => {
        const { sessions, keySets } = await store.expired(now);
        const clients = (records: readonly { clientId: string }[]) =>
          records.map(({ clientId }) => clientId).toSorted();
        return [clients(sessions), clients(keySets)];
      };
      expect(await names(99)).toEqual([[], []]);
      expect(await names(100)).toEqual([['d'], ['d']]);
      expect(await store.hasInvitation('h', 1)).toBe(true);
      expect(await names(101)).toEqual([
        ['c', 'd'],
        ['c', 'd'],
      ]);
      expect(await store.hasInvitation('h', 1)).toBe(false);
      // It is for others to remove them.
      expect(await store.session('c', 's')).not.toBeNull();
      expect(await store.keySet('c', 'k')).not.toBeNull();
    });
  });
}

const CLIENT: ClientRecord = {
  ...{ clientId: 'c', tokenHash: 'token', tokenExpiresAt: 1e13, publicKey: 'key' },
  ...{ certificateSubject: null, createdAt: 1 },
};

const KEY_SET: KeySetRecord = {
  ...{ clientId: 'c', keyRef: 'k', algorithmId: 'algorithm', model: 'm', state: 'provisioning' },
  files: [{ fileName: 'f', bytes: 2 ** 33, sha256: 'ab' }],
  ...{ rejection: null, createdAt: 1, activatedAt: null, expiresAt: 1e13 },
};

const SESSION: SessionRecord = {
  ...{ clientId: 'c', sessionId: 's', state: 'staging', model: null, keyRef: null, ompThreads: null },
  ...{ createdAt: 1, expiresAt: 1e13, queuedAt: null, outcome: null },
};

const OWNER: UploadOwner = { clientId: 'c', kind: 'session', id: 's' };
/** Each differs from it in one thing. */
const OTHERS: readonly UploadOwner[] = [
  { ...OWNER, kind: 'keys' },
  { ...OWNER, id: 't' },
  { ...OWNER, clientId: 'd' },
];

function chunk(index: number, bytes: number): ChunkRecord {
  return { index, bytes, sha256: `digest ${index}` };
}
