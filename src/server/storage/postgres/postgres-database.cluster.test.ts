/** The database as a server finds it: roads, conflicts, lost connections, restarts. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { postgresMissing, PostgresServer } from '../testing/postgres-server.ts';
import type { DatabaseOptions } from './postgres-database.ts';
import { PostgresDatabase } from './postgres-database.ts';

const missing = postgresMissing();
const IMPATIENT: DatabaseOptions = { patienceMs: 0, environment: {} };

describe.skipIf(missing !== null)('a database of PostgreSQL', () => {
  let server: PostgresServer;
  let database: PostgresDatabase;
  beforeAll(async () => {
    server = await PostgresServer.start();
    database = await PostgresDatabase.open(server.address, { environment: {} });
    await database.run('CREATE TABLE counts (name text PRIMARY KEY, n integer NOT NULL)');
  });
  afterAll(async () => {
    await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const count = async (name: string): Promise<number> =>
    Number((await database.get('SELECT n FROM counts WHERE name = $1', name))?.['n'] ?? -1);
  const begin = (name: string) => database.run('INSERT INTO counts VALUES ($1, 0)', name);

  it('does all of a transaction or nothing', async () => {
    await begin('all');
    const failing = database.transaction(async (client) => {
      await client.run(`UPDATE counts SET n = 5 WHERE name = 'all'`);
      throw new RangeError('ours');
    });
    await expect(failing).rejects.toThrow(new RangeError('ours'));
    expect(await count('all')).toBe(0);
    const refused = database.transaction(async (client) => {
      await client.run(`UPDATE counts SET n = 6 WHERE name = 'all'`);
      await client.run(`INSERT INTO counts VALUES ('all', 1)`);
    });
    await expect(refused).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await count('all')).toBe(0);
    await database.transaction(async (client) => {
      expect(await client.run(`UPDATE counts SET n = 7 WHERE name = 'all'`)).toBe(1);
    });
    expect(await count('all')).toBe(7);
  });

  it('begins transactions that conflict anew', async () => {
    await begin('conflict');
    const add = vi.fn(async () => {
      await database.transaction(
        async (client) => {
          const row = await client.get(`SELECT n FROM counts WHERE name = 'conflict'`);
          await client.run(`UPDATE counts SET n = $1 WHERE name = 'conflict'`, Number(row?.['n']) + 1);
        },
        { isolation: 'SERIALIZABLE' },
      );
    });
    await Promise.all(Array.from({ length: 5 }, add));
    expect(await count('conflict')).toBe(5);
  });

  it('begins transactions that lock each other out anew', async () => {
    await begin('left');
    await begin('right');
    let together = 0;
    let both = (): void => undefined;
    const met = new Promise<void>((resolve) => (both = resolve));
    const cross = (first: string, second: string) =>
      database.transaction(async (client) => {
        await client.run('UPDATE counts SET n = n + 1 WHERE name = $1', first);
        if (++together === 2) both();
        await met;
        await client.run('UPDATE counts SET n = n + 1 WHERE name = $1', second);
      });
    await Promise.all([cross('left', 'right'), cross('right', 'left')]);
    expect(together).toBeGreaterThan(2);
    expect([await count('left'), await count('right')]).toEqual([2, 2]);
  });

  it('begins anew when the connection is lost before the commit', async () => {
    await begin('lost');
    let attempts = 0;
    await database.transaction(async (client) => {
      await client.run(`UPDATE counts SET n = n + 1 WHERE name = 'lost'`);
      if (++attempts === 1) await client.run('SELECT pg_terminate_backend(pg_backend_pid())');
    });
    expect(attempts).toBe(2);
    expect(await count('lost')).toBe(1);
  });

  it('survives the loss of a connection between two statements', async () => {
    let attempts = 0;
    await database.transaction(async (client) => {
      const row = await client.get('SELECT pg_backend_pid() AS id');
      if (++attempts > 1) return;
      await server.query(`SELECT pg_terminate_backend(${Number(row?.['id'])})`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await client.get('SELECT 1');
    });
    expect(attempts).toBe(2);
  });

  describe('when the connection is lost during the commit', () => {
    beforeAll(async () => {
      // At the first commit of each name the connection ends; sequences do not roll back.
      await server.query(`
        CREATE TABLE fragile (name text);
        CREATE SEQUENCE commits;
        CREATE FUNCTION end_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF nextval('commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
          RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON fragile DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION end_once();`);
    });

    const insert = async (idempotent: boolean): Promise<number> => {
      let attempts = 0;
      await server.query(`ALTER SEQUENCE commits RESTART`);
      await database.transaction(
        async (client) => {
          attempts++;
          await client.run(`INSERT INTO fragile VALUES ('x')`);
        },
        { idempotent },
      );
      return attempts;
    };

    it('says that nobody knows', async () => {
      await expect(insert(false)).rejects.toMatchObject({
        code: 'DATABASE_UNAVAILABLE',
        message: expect.stringContaining('may have taken place') as string,
      });
    });

    it('does again what may be done twice', async () => {
      expect(await insert(true)).toBe(2);
    });
  });

  it('keeps to its number of connections and its time for a statement', async () => {
    const few = await PostgresDatabase.open(`${server.address}?max_connections=2`, { environment: {} });
    try {
      const ids = await Promise.all(
        Array.from({ length: 12 }, async () =>
          Number((await few.get('SELECT pg_backend_pid() AS id, pg_sleep(0.01)'))?.['id']),
        ),
      );
      expect(new Set(ids).size).toBeLessThanOrEqual(2);
      expect(await few.get('SHOW statement_timeout')).toEqual({ statement_timeout: '30s' });
      expect(await few.get('SHOW lock_timeout')).toEqual({ lock_timeout: '20s' });
    } finally {
      await few[Symbol.asyncDispose]();
    }
  });

  it('gives connections beside the pool, without its time for a statement', async () => {
    const one = await PostgresDatabase.open(`${server.address}?max_connections=1`, { environment: {} });
    const beside = one.connection();
    try {
      await beside.connect();
      const inside = one.transaction(async () => {
        const { rows } = await beside.query<Record<string, unknown>>('SHOW statement_timeout');
        return rows[0];
      });
      expect(await inside).toEqual({ statement_timeout: '0' });
    } finally {
      await beside.end();
      await one[Symbol.asyncDispose]();
    }
  });

  it.each(['kill', 'stop'] as const)('waits for a server that comes back (%s)', async (how) => {
    const name = `restart ${how}`;
    await begin(name);
    let wanted = true;
    let acknowledged = 0;
    const writing = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (wanted) {
          await database.transaction((client) =>
            client.run('UPDATE counts SET n = n + 1 WHERE name = $1', name),
          );
          acknowledged++;
        }
      }).map((writer) =>
        // What is lost during its commit is known to be unknown.
        writer.catch((error: unknown) => expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE' })),
      ),
    );
    while (acknowledged < 20) await new Promise((resolve) => setImmediate(resolve));
    await server[how]();
    await server.restart();
    expect(await count(name)).toBeGreaterThanOrEqual(20);
    wanted = false;
    await writing;
    const counted = await count(name);
    expect(counted).toBeGreaterThanOrEqual(acknowledged);
    expect(counted).toBeLessThanOrEqual(acknowledged + 4);
  });

  it('says after a while that nobody is there', async () => {
    const nobody = PostgresDatabase.open('postgres://u:topsecret@127.0.0.1:1/x', IMPATIENT);
    await expect(nobody).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  it.each([
    ['a wrong password', (s: PostgresServer) => s.addressOf('he', 'he', 'wrong-topsecret')],
    ['a database that is not there', (s: PostgresServer) => s.addressOf('nowhere')],
    ['TLS where there is none', (s: PostgresServer) => `${s.address}?sslmode=require`],
  ])('is refused over %s, and tells no secret', async (_what, addressOf) => {
    const error: unknown = await PostgresDatabase.open(addressOf(server), IMPATIENT).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'DATABASE_REFUSED' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/topsecret|not@secret|not%40secret/);
  });

  it('repeats no values of rows', async () => {
    await begin('unique-value-of-a-row');
    const error: unknown = await begin('unique-value-of-a-row').catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('23505') as string });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('unique-value-of-a-row');
    expect(inspect(database, { depth: 9, showHidden: true })).not.toContain('not@secret');
  });
});

describe.skipIf(missing !== null)('a database of PostgreSQL that takes TLS only', () => {
  let server: PostgresServer;
  let folder: string;
  beforeAll(async () => {
    server = await PostgresServer.start({ tls: true });
    folder = await mkdtemp(join(tmpdir(), 'he-compile-tls-'));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const open = async (address: string, environment: NodeJS.ProcessEnv = {}): Promise<unknown> => {
    const database = await PostgresDatabase.open(address, { patienceMs: 0, environment });
    const row = await database.get('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()');
    await database[Symbol.asyncDispose]();
    return row?.['ssl'];
  };

  it('is spoken to under the authority that is named', async () => {
    expect(await open(server.address)).toBe(true);
  });

  it('is not spoken to when nobody vouches for it, nor in plain text', async () => {
    const bare = server.address.replace(/\?.*/, '');
    await expect(open(`${bare}?sslmode=verify-full`)).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    await expect(open(`${bare}?sslmode=verify-ca`)).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    await expect(open(`${bare}?sslmode=disable`)).rejects.toMatchObject({ code: 'DATABASE_REFUSED' });
    expect(await open(`${bare}?sslmode=require`)).toBe(true);
  });

  it('takes the password of a file', async () => {
    const file = join(folder, 'password');
    await writeFile(file, `${server.password}\n`);
    const address = server.address.replace(/:[^:@]*@/, '@');
    await expect(open(address)).rejects.toThrow();
    expect(await open(address, { HE_COMPILE_DATABASE_PASSWORD_FILE: file })).toBe(true);
  });
});
