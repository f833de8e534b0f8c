/** Key sets from announcement to revocation, against evaluation processes that do what the test says. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ToolError } from '../protocol/error-codes.ts';
import {
  codeOf,
  type EvaluationWorld,
  evaluationWorld,
  keyFile,
  wholeChunk,
} from '../testing/evaluation-world.ts';
import { affinityOf, keyReferenceOf } from './key-sets.ts';

const NOW = Date.now();
const QUIET = new AbortController().signal;

let world: EvaluationWorld;
beforeEach(async () => {
  world = await evaluationWorld(
    { keySetsPerClient: 2, keyBytesPerClient: 10, keyRecordsPerClient: 4, maxChunkBytes: 8 },
    ['a', 'b'],
  );
});
afterEach(() => world[Symbol.asyncDispose]());

const model = () => world.catalog.get('a');
const commit = (keyRef: string, client = 'client') =>
  world.keys.commit(client, keyRef, () => undefined, QUIET);

describe('a reference to keys', () => {
  const files = [keyFile('one', 'a'), keyFile('two', 'b')];

  it('is of client, algorithm and contents, whatever their order', () => {
    const reference = keyReferenceOf('client', 'algorithm', files);
    expect(reference).toMatch(/^hekey:[0-9a-f]{64}$/);
    expect(keyReferenceOf('client', 'algorithm', files.toReversed())).toBe(reference);
    const others = [
      keyReferenceOf('other', 'algorithm', files),
      keyReferenceOf('client', 'other', files),
      keyReferenceOf('client', 'algorithm', files.slice(1)),
      ...[{ fileName: 'c' }, { bytes: 4 }, { sha256: 'ab'.repeat(32) }].map((change) =>
        keyReferenceOf('client', 'algorithm', [{ ...files[0]!, ...change }, files[1]!]),
      ),
    ];
    expect(new Set([reference, ...others]).size).toBe(7);
  });
});

describe('announced keys', () => {
  it('are kept once, under one name, and missing until they are sent', async () => {
    const { record, files } = await world.keys.begin('client', model(), [keyFile('12345')], NOW);
    expect(record).toMatchObject({
      clientId: 'client',
      keyRef: keyReferenceOf('client', model().algorithmId, [keyFile('12345')]),
      algorithmId: model().algorithmId,
      model: 'a',
      state: 'provisioning',
      rejection: null,
      createdAt: NOW,
      activatedAt: null,
      expiresAt: NOW + world.limits.keyLifetimeMs,
    });
    expect(files).toEqual([
      { file_name: 'keys.hekeys', total_chunks: 0, received_chunks: 0, received_bytes: 0, missing: [] },
    ]);
    const again = await world.keys.begin('client', model(), [keyFile('12345')], NOW + 1);
    expect(again.record.createdAt).toBe(NOW);
    expect(await world.keys.list('client')).toHaveLength(1);
  });

  it('are announced anew once they have expired, in the room that they had', async () => {
    const all = keyFile('x'.repeat(world.limits.keyBytesPerClient));
    const first = (await world.keys.begin('client', model(), [all], NOW)).record;
    const at = async (now: number) =>
      (await world.keys.begin('client', model(), [all], now)).record.createdAt;
    expect(await at(first.expiresAt - 1)).toBe(NOW);
    expect(await at(first.expiresAt)).toBe(first.expiresAt);
  });

  it.each<[string, string[], string]>([
    ['exactly as many bytes as a client may', ['12345', '67890'], 'none'],
    ['a byte more', ['12345', '678901'], 'ERROR_QUOTA_EXCEEDED'],
    ['more sets than a client may', ['1', '2', '3'], 'ERROR_QUOTA_EXCEEDED'],
  ])('of %s: %s', async (_what, contents, expected) => {
    const codes: string[] = [];
    for (const content of contents)
      codes.push(await codeOf(() => world.keys.begin('client', model(), [keyFile(content)])));
    expect(codes.at(-1)).toBe(expected);
    expect(codes.slice(0, -1).every((code) => code === 'none')).toBe(true);
    expect(await codeOf(() => world.keys.begin('neighbour', model(), [keyFile('12345')]))).toBe('none');
  });

  it('are no more than may be, however many are announced at once', async () => {
    const codes = await Promise.all(
      ['1', '2', '3', '4', '1'].map((content) =>
        codeOf(() => world.keys.begin('client', model(), [keyFile(content)])),
      ),
    );
    expect(codes.filter((code) => code === 'none').length).toBe(3);
    expect(await world.keys.list('client')).toHaveLength(2);
  });

  it('may be of so many files and bytes as the model can need, not more', async () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => keyFile('', `f${i}`));
    expect(await codeOf(() => world.keys.begin('client', model(), many(64)))).toBe('none');
    expect(await codeOf(() => world.keys.begin('client', model(), many(65)))).toBe('ERROR_QUOTA_EXCEEDED');
    const huge = { ...keyFile('x'), bytes: model().maxKeyBytes + 1 };
    await expect(world.keys.begin('client', model(), [huge])).rejects.toThrow(
      /1 key files of \d+ bytes, at most 64/,
    );
  });
});

describe('a chunk of keys', () => {
  it('is taken of announced files only, within what was announced', async () => {
    const { keyRef } = (await world.keys.begin('client', model(), [keyFile('12345')])).record;
    const send = (fileName: string, content: string, client = 'client') =>
      world.keys.accept(client, keyRef, wholeChunk(fileName, content));
    await expect(send('other', '1')).rejects.toMatchObject({
      code: 'ERROR_CHUNK_INVALID',
      message: 'other was not announced with begin_key_provisioning',
    });
    await expect(send('keys.hekeys', '123456')).rejects.toMatchObject({ code: 'ERROR_QUOTA_EXCEEDED' });
    await expect(send('keys.hekeys', '123456789')).rejects.toMatchObject({ code: 'ERROR_CHUNK_TOO_LARGE' });
    await expect(send('keys.hekeys', '12345', 'neighbour')).rejects.toMatchObject({
      code: 'ERROR_UNKNOWN_KEY',
    });
    expect(await send('keys.hekeys', '12345')).toMatchObject({ complete: true });
    expect((await world.keys.status('client', keyRef)).files).toMatchObject([
      { file_name: 'keys.hekeys', received_bytes: 5 },
    ]);
  });
});

describe('keys that are committed', () => {
  const begin = async (content = '12345') =>
    (await world.keys.begin('client', model(), [keyFile(content)])).record.keyRef;
  const send = (keyRef: string, content: string) =>
    world.keys.accept('client', keyRef, wholeChunk('keys.hekeys', content));

  it('are active once a process has loaded them, which is done once', async () => {
    const keyRef = await begin();
    await send(keyRef, '12345');
    const fractions: number[] = [];
    world.process.load = async (_request, progress) => {
      progress('keys', 0.5);
      expect((await world.keys.get('client', keyRef)).state).toBe('provisioning');
    };
    const record = await world.keys.commit('client', keyRef, (fraction) => fractions.push(fraction), QUIET);
    expect(record).toMatchObject({ state: 'active', rejection: null });
    expect(fractions).toEqual([0.5]);
    expect(world.leases.open).toBe(0);
    expect(world.requests).toHaveLength(1);
    expect(world.requests[0]).toMatchObject({
      affinity: affinityOf(record, model()),
      opening: {
        artifactFile: model().file,
        artifactDigest: model().digest,
        keys: [{ sha256: keyFile('12345').sha256 }],
      },
    });
    expect(world.requests[0]!.opening.keys[0]!.chunks).toHaveLength(1);
    await commit(keyRef);
    expect(world.requests).toHaveLength(1);
  });

  it('must have arrived', async () => {
    const keyRef = await begin();
    await expect(commit(keyRef)).rejects.toMatchObject({ code: 'ERROR_UPLOAD_INCOMPLETE' });
    const two = (await world.keys.begin('client', model(), [keyFile('1', 'a'), keyFile('2', 'b')])).record
      .keyRef;
    await world.keys.accept('client', two, wholeChunk('a', '1'));
    await expect(commit(two)).rejects.toMatchObject({
      code: 'ERROR_UPLOAD_INCOMPLETE',
      message: 'b has not arrived',
    });
    expect((await world.keys.get('client', two)).state).toBe('provisioning');
  });

  it('are rejected if they are shorter than announced, and their bytes go', async () => {
    const keyRef = await begin();
    await send(keyRef, '1234');
    await expect(commit(keyRef)).rejects.toMatchObject({
      code: 'ERROR_INVALID_EVALUATION_KEY',
      message: 'keys.hekeys has 4 bytes, not 5',
    });
    expect(await world.keys.get('client', keyRef)).toMatchObject({
      state: 'rejected',
      rejection: 'ERROR_INVALID_EVALUATION_KEY',
    });
    expect(await world.store.stagedBytes('client')).toBe(0);
    expect(await codeOf(() => world.keys.resolve('client', keyRef, null))).toBe(
      'ERROR_INVALID_EVALUATION_KEY',
    );
    // The same keys may be announced again.
    expect((await world.keys.begin('client', model(), [keyFile('12345')])).record.state).toBe('provisioning');
  });

  it('are not said to be active if loading them had failed before anybody waited for it', async () => {
    const keyRef = await begin();
    await send(keyRef, '12345');
    const wait = world.queue.wait.bind(world.queue);
    vi.spyOn(world.queue, 'wait').mockImplementation(async (...given) => {
      await wait(...given);
      return undefined;
    });
    world.process.load = () => Promise.reject(new ToolError('ERROR_EVALUATION_FAILED', 'gone'));
    await expect(commit(keyRef)).rejects.toMatchObject({ code: 'ERROR_KEY_NOT_READY' });
    world.process.load = () => Promise.reject(new ToolError('ERROR_INVALID_EVALUATION_KEY', 'so'));
    await expect(commit(keyRef)).rejects.toMatchObject({ code: 'ERROR_INVALID_EVALUATION_KEY' });
  });

  it('go on being loaded when their client gives up, which joins them by asking again', async () => {
    const keyRef = await begin();
    await send(keyRef, '12345');
    let load = (): void => undefined;
    let report = (_fraction: number): void => undefined;
    world.process.load = (_request, progress, signal) =>
      new Promise((resolve, reject) => {
        load = resolve;
        report = (fraction) => progress('keys', fraction);
        signal.addEventListener('abort', () => reject(new Error('given up')));
      });
    const impatient = new AbortController();
    const first = world.keys.commit('client', keyRef, () => undefined, impatient.signal);
    await expect.poll(() => world.requests.length).toBe(1);
    impatient.abort();
    await expect(first).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    const fractions: number[] = [];
    const second = world.keys.commit('client', keyRef, (fraction) => fractions.push(fraction), QUIET);
    await new Promise((resolve) => setImmediate(resolve));
    report(0.5);
    load();
    expect(await second).toMatchObject({ state: 'active' });
    expect([fractions, world.requests.length]).toEqual([[0.5], 1]);
  });

  it('fail for nobody when their client has given up, and can be committed anew', async () => {
    const keyRef = await begin();
    await send(keyRef, '12345');
    let fail = (_error: Error): void => undefined;
    world.process.load = () => new Promise((_, reject) => (fail = reject));
    const impatient = new AbortController();
    const first = world.keys.commit('client', keyRef, () => undefined, impatient.signal);
    await expect.poll(() => world.requests.length).toBe(1);
    impatient.abort();
    await expect(first).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    fail(new ToolError('ERROR_EVALUATION_FAILED', 'gone'));
    await new Promise((resolve) => setImmediate(resolve));
    // Nor where it had left before.
    world.process.load = () => Promise.reject(new ToolError('ERROR_EVALUATION_FAILED', 'gone'));
    await expect(
      world.keys.commit('client', keyRef, () => undefined, AbortSignal.abort()),
    ).rejects.toMatchObject({ code: 'ERROR_CANCELLED' });
    await new Promise((resolve) => setImmediate(resolve));
    world.process.load = () => Promise.resolve();
    expect(await commit(keyRef)).toMatchObject({ state: 'active' });
  });

  it.each(['loads', 'fails'])(
    'stay revoked, should that come while they are loaded and that %s',
    async (end) => {
      const keyRef = await begin();
      await send(keyRef, '12345');
      let load = (): void => undefined;
      world.process.load = () =>
        new Promise((resolve, reject) => {
          load = () =>
            end === 'loads' ? resolve() : reject(new ToolError('ERROR_INVALID_EVALUATION_KEY', 'so'));
        });
      const committed = expect(commit(keyRef)).rejects.toMatchObject({ code: 'ERROR_KEY_REVOKED' });
      await expect.poll(() => world.requests.length).toBe(1);
      await world.keys.revoke('client', keyRef);
      load();
      await committed;
      expect((await world.keys.get('client', keyRef)).state).toBe('revoked');
      await expect(commit(keyRef)).rejects.toMatchObject({ code: 'ERROR_KEY_REVOKED' });
    },
  );

  it.each([
    ['ERROR_INVALID_EVALUATION_KEY', 'rejected'],
    ['ERROR_INVALID_GALOIS_KEY', 'rejected'],
    ['ERROR_PARAMETER_MISMATCH', 'rejected'],
    ['ERROR_WEAK_PARAMETERS', 'rejected'],
    ['ERROR_SECRET_KEY_REFUSED', 'rejected'],
    ['ERROR_MEMORY_EXCEEDED', 'provisioning'],
    ['ERROR_CANCELLED', 'provisioning'],
    ['ERROR_EVALUATION_FAILED', 'provisioning'],
  ] as const)('that fail to load with %s are %s', async (code, state) => {
    const keyRef = await begin();
    await send(keyRef, '12345');
    world.process.load = () => Promise.reject(new ToolError(code, 'so'));
    await expect(commit(keyRef)).rejects.toMatchObject({ code, message: 'so' });
    const rejected = state === 'rejected';
    expect(await world.keys.get('client', keyRef)).toMatchObject({
      state,
      rejection: rejected ? code : null,
    });
    expect(await world.store.stagedBytes('client')).toBe(rejected ? 0 : 5);
  });
});

describe('the keys to evaluate with', () => {
  it('are those named, or the newest active ones that fit', async () => {
    expect(await codeOf(() => world.keys.resolve('client', undefined, null))).toBe('ERROR_UNKNOWN_KEY');
    const first = await world.provide('client', '1');
    const second = (await world.keys.begin('client', model(), [keyFile('2')], Date.now() + 1)).record;
    expect((await world.keys.resolve('client', undefined, null)).keyRef).toBe(first.keyRef);
    expect((await world.keys.resolve('client', undefined, model().algorithmId)).keyRef).toBe(first.keyRef);
    expect((await world.keys.resolve('client', first.keyRef, 'whatever')).keyRef).toBe(first.keyRef);
    expect(await codeOf(() => world.keys.resolve('client', undefined, 'other'))).toBe('ERROR_UNKNOWN_KEY');
    expect(await codeOf(() => world.keys.resolve('client', second.keyRef, null))).toBe('ERROR_KEY_NOT_READY');
    expect(await codeOf(() => world.keys.resolve('neighbour', first.keyRef, null))).toBe('ERROR_UNKNOWN_KEY');
  });

  it('are not those that have expired', async () => {
    const { keyRef, expiresAt } = await world.provide('client', '1');
    expect((await world.keys.resolve('client', keyRef, null, expiresAt - 1)).keyRef).toBe(keyRef);
    expect((await world.keys.resolve('client', undefined, null, expiresAt - 1)).keyRef).toBe(keyRef);
    expect(await codeOf(() => world.keys.resolve('client', keyRef, null, expiresAt))).toBe(
      'ERROR_KEY_EXPIRED',
    );
    expect(await codeOf(() => world.keys.resolve('client', undefined, null, expiresAt))).toBe(
      'ERROR_KEY_EXPIRED',
    );
  });
});

describe('keys that are revoked', () => {
  it('leave memory and disk at once, and never come back', async () => {
    const kept = await world.provide('client', '1');
    const { keyRef } = await world.provide('client', '2');
    const revoked = await world.keys.revoke('client', keyRef);
    expect(revoked.state).toBe('revoked');
    expect(world.dropped).toEqual([affinityOf(revoked, model())]);
    expect(await world.store.stagedBytes('client')).toBe(1);
    expect(await codeOf(() => world.keys.resolve('client', keyRef, null))).toBe('ERROR_KEY_REVOKED');
    expect(await codeOf(() => world.keys.begin('client', model(), [keyFile('2')]))).toBe('ERROR_KEY_REVOKED');
    expect((await world.keys.resolve('client', undefined, null)).keyRef).toBe(kept.keyRef);
    // Nor do they count against the quota.
    expect(await codeOf(() => world.keys.begin('client', model(), [keyFile('3')]))).toBe('none');
  });

  it('are remembered up to a bound, for which what was rejected is forgotten first', async () => {
    const code = (client: string, content: string) =>
      codeOf(() => world.keys.begin(client, model(), [keyFile(content)]));
    world.process.load = () => Promise.reject(new ToolError('ERROR_INVALID_EVALUATION_KEY', 'no keys'));
    await expect(world.provide('client', 'r')).rejects.toMatchObject({
      code: 'ERROR_INVALID_EVALUATION_KEY',
    });
    world.process.load = () => Promise.resolve();
    for (const content of ['1', '2', '3']) {
      const { keyRef } = await world.provide('client', content);
      await world.keys.revoke('client', keyRef);
    }
    expect((await world.keys.list('client')).map(({ state }) => state)).toContain('rejected');
    const last = await world.provide('client', '4');
    expect(await world.keys.list('client')).toHaveLength(4);
    await world.keys.revoke('client', last.keyRef);
    expect(await code('client', '5')).toBe('ERROR_QUOTA_EXCEEDED');
    expect(await code('client', '1')).toBe('ERROR_KEY_REVOKED');
    expect(await code('neighbour', '5')).toBe('none');
    // Until their time is over.
    const [record] = await world.keys.list('client');
    await world.keys.expire(record!);
    expect(await code('client', '5')).toBe('none');
  });

  it('are those of the client alone', async () => {
    const { keyRef } = await world.provide('client', '1');
    await expect(world.keys.revoke('neighbour', keyRef)).rejects.toMatchObject({ code: 'ERROR_UNKNOWN_KEY' });
    expect(world.dropped).toEqual([]);
  });
});

it('keys that expire leave nothing behind', async () => {
  const record = await world.provide('client', '1');
  await world.keys.expire(record);
  expect(world.dropped).toEqual([affinityOf(record, model())]);
  expect(await world.store.stagedBytes('client')).toBe(0);
  expect(await world.keys.list('client')).toEqual([]);
});
