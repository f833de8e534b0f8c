import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeBlobStore } from '../testing/blob-store-contract.ts';
import { patternBytes } from '../testing/pattern-bytes.ts';
import { postgresMissing, PostgresServer } from '../testing/postgres-server.ts';
import { PostgresBlobStore } from './postgres-blob-store.ts';
import { PostgresDatabase } from './postgres-database.ts';

const missing = postgresMissing();

describeBlobStore(
  'blobs in PostgreSQL',
  async () => {
    const server = await PostgresServer.start();
    const database = await PostgresDatabase.open(server.address);
    const others: PostgresDatabase[] = [];
    return {
      store: new PostgresBlobStore(database),
      reopen: async () => {
        const other = await PostgresDatabase.open(server.address);
        others.push(other);
        return new PostgresBlobStore(other);
      },
      whereabouts: { kind: 'postgres', address: server.address },
      [Symbol.asyncDispose]: async () => {
        for (const open of [database, ...others]) await open[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },
  missing,
);

describe.skipIf(missing !== null)('a store in PostgreSQL', () => {
  let server: PostgresServer;
  let database: PostgresDatabase;
  let store: PostgresBlobStore;
  beforeAll(async () => {
    server = await PostgresServer.start();
    database = await PostgresDatabase.open(server.address);
    store = new PostgresBlobStore(database);
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('keeps values in rows of 4 MiB at most, as they are, and leaves no row behind', async () => {
    await store.put('a', [patternBytes(9e6, 1)]);
    await store.put('a', [patternBytes(9e6, 1)]);
    const rows = 'SELECT count(*)::int AS rows, max(length(bytes)) AS largest FROM blob_rows';
    expect(await server.query(rows)).toEqual([{ rows: 3, largest: 4 * 2 ** 20 }]);
    const storage = `SELECT attstorage FROM pg_attribute WHERE attrelid = 'blob_rows'::regclass AND attname = 'bytes'`;
    expect(await server.query(storage)).toEqual([{ attstorage: 'e' }]);
    await store.delete('a');
    expect(await server.query(rows)).toEqual([{ rows: 0, largest: null }]);
  });

  it('finds what is below a prefix by the index of keys', async () => {
    await server.query(
      `INSERT INTO blobs (key, size) SELECT 'many/' || n || '/x', 0 FROM generate_series(1, 5000) AS n`,
    );
    await server.query('ANALYZE blobs');
    const plan = await server.query(
      `EXPLAIN SELECT key FROM blobs WHERE key > 'many/7' || '/' AND key < 'many/7' || '0'`,
    );
    expect(JSON.stringify(plan)).toContain('blobs_pkey');
    expect(await store.list('many/7')).toEqual(['x']);
  });

  it('has every value that was acknowledged when the server is killed and comes back, and goes on by itself', async () => {
    const keys: string[] = [];
    const writing = (async () => {
      for (let i = 0; i < 40; i++) {
        await store.put(`crash/k${i}`, [patternBytes(200_000, i)]);
        keys.push(`crash/k${i}`);
      }
    })();
    while (keys.length < 5) await new Promise((resolve) => setImmediate(resolve));
    await server.kill();
    const acknowledged = [...keys];
    await server.restart();
    for (const key of acknowledged) {
      const seed = Number(key.slice('crash/k'.length));
      expect(patternBytes(200_000, seed).equals(await store.get(key)), key).toBe(true);
    }
    await writing;
    expect((await store.list('crash')).length).toBe(40);
  });
});
