import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HeError } from '../../../errors.ts';
import { describeBlobStore } from '../testing/blob-store-contract.ts';
import { patternBytes } from '../testing/pattern-bytes.ts';
import { swiftMissing, SwiftServer } from '../testing/swift-server.ts';
import { S3BlobStore } from './s3-blob-store.ts';

const missing = swiftMissing();
const MB = 1e6;

/** The SDK reads them from there. */
function withCredentials(server: SwiftServer): void {
  Object.assign(process.env, server.environment);
}

describeBlobStore(
  'blobs in S3',
  async () => {
    const server = await SwiftServer.start();
    withCredentials(server);
    const address = server.addressOf('blobs', 'below/a-prefix');
    const stores: S3BlobStore[] = [];
    const open = async (): Promise<S3BlobStore> => {
      const store = await S3BlobStore.open(address);
      stores.push(store);
      return store;
    };
    return {
      store: await open(),
      reopen: open,
      whereabouts: { kind: 's3', address },
      [Symbol.asyncDispose]: async () => {
        for (const store of stores) store[Symbol.dispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },
  missing,
);

describe.skipIf(missing !== null)('a store in S3', () => {
  let server: SwiftServer;
  let store: S3BlobStore;
  beforeAll(async () => {
    server = await SwiftServer.start();
    withCredentials(server);
    store = await S3BlobStore.open(server.address);
  });
  afterAll(async () => {
    store[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  it('has every value that was acknowledged when the server is killed and comes back, and goes on by itself', async () => {
    const keys: string[] = [];
    const writing = (async () => {
      for (let i = 0; i < 30; i++) {
        await store.put(`crash/k${i}`, [patternBytes(i % 5 === 0 ? 20 * MB : 200_000, i)]);
        keys.push(`crash/k${i}`);
      }
    })();
    while (keys.length < 4) await new Promise((resolve) => setImmediate(resolve));
    await server.kill();
    const acknowledged = [...keys];
    await server.restart();
    for (const key of acknowledged) {
      const seed = Number(key.slice('crash/k'.length));
      const bytes = patternBytes(seed % 5 === 0 ? 20 * MB : 200_000, seed);
      expect(bytes.equals(await store.get(key)), key).toBe(true);
    }
    await writing;
    expect((await store.list('crash')).length).toBe(30);
  });

  it('waits for a server that is held up', async () => {
    await store.put('held/up', [patternBytes(1000, 1)]);
    server.suspend();
    const reading = store.get('held/up');
    setTimeout(() => server.resume(), 500);
    expect(patternBytes(1000, 1).equals(await reading)).toBe(true);
  });

  it('shows nothing of a large value whose server is killed over it, and says so', async () => {
    using impatient = await S3BlobStore.open(server.address, { patienceMs: 0 });
    const putting = impatient.put('failed/large', [patternBytes(48 * MB, 2)]).then(
      () => null,
      (error: unknown) => error,
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    await server.kill();
    const ended = await putting;
    await server.restart();
    expect(await store.has('failed/large')).toBe(ended === null);
    if (ended !== null) expect(ended).toMatchObject({ code: 'OBJECT_STORE_UNAVAILABLE' });
  });

  it('says that there is no server, without waiting for ever', async () => {
    await server.kill();
    try {
      await expect(store.list('a')).rejects.toMatchObject({ code: 'OBJECT_STORE_UNAVAILABLE' });
      await expect(S3BlobStore.open(server.address, { patienceMs: 100 })).rejects.toMatchObject({
        code: 'OBJECT_STORE_UNAVAILABLE',
      });
    } finally {
      await server.restart();
    }
  });

  it('says at once that there is no such bucket', async () => {
    await expect(S3BlobStore.open(server.addressOf('another-bucket'))).rejects.toMatchObject({
      code: 'OBJECT_STORE_REFUSED',
      message: expect.stringContaining('no such bucket') as string,
    });
  });

  it.each([
    ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong-secret-that-nobody-may-see' }],
    ['a wrong key', { AWS_ACCESS_KEY_ID: 'test:nobody' }],
    [
      'no credentials',
      { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_EC2_METADATA_DISABLED: 'true' },
    ],
  ])('says that it is refused with %s, and nothing of what is secret', async (_what, environment) => {
    const before = { ...process.env };
    Object.assign(process.env, environment);
    try {
      const error = await S3BlobStore.open(server.address).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(HeError);
      expect(error).toMatchObject({ code: 'OBJECT_STORE_REFUSED' });
      const told = JSON.stringify(error) + String((error as Error).stack) + String((error as Error).cause);
      expect(told).not.toMatch(/wrong-secret|not-a-secret|Signature=/);
    } finally {
      process.env = before;
    }
  });
});
