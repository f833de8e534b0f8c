/** The schema: made once by whoever comes first, and old programs beside new ones. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresMissing, PostgresServer } from '../testing/postgres-server.ts';
import { MIGRATIONS } from './migrations/list.ts';
import type { SchemaMigration } from './migrations/schema-migration.ts';
import { PostgresDatabase } from './postgres-database.ts';

const missing = postgresMissing();
const FIRST: SchemaMigration = { name: '0001-first', sql: 'CREATE TABLE a (x int);', oldestReader: 1 };
const ADDED: SchemaMigration = {
  name: '0002-added',
  sql: 'ALTER TABLE a ADD COLUMN y int NOT NULL DEFAULT 0;',
  oldestReader: 1,
};
const CONTRACTED: SchemaMigration = {
  name: '0003-contracted',
  sql: 'ALTER TABLE a DROP COLUMN x;',
  oldestReader: 3,
};
const UNSUPPORTED = { code: 'DATABASE_UNSUPPORTED' };

describe.skipIf(missing !== null)('the schema of PostgreSQL', () => {
  let server: PostgresServer;
  let databases = 0;
  const opened: PostgresDatabase[] = [];
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(async () => {
    for (const database of opened) await database[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const fresh = async (): Promise<string> => {
    const name = `fresh${databases++}`;
    await server.query(`CREATE DATABASE ${name}`);
    return server.addressOf(name);
  };
  const open = async (address: string, migrations: readonly SchemaMigration[], migrate = true) => {
    const options = { migrations, migrate, environment: {}, patienceMs: 0 };
    const database = await PostgresDatabase.open(address, options);
    opened.push(database);
    return database;
  };

  it('is made once, however many programs begin together', async () => {
    const address = await fresh();
    const all = await Promise.all(Array.from({ length: 6 }, () => open(address, MIGRATIONS)));
    const runs = await all[0]!.all('SELECT name FROM schema_migrations ORDER BY id');
    expect(runs.map(({ name }) => name)).toEqual(MIGRATIONS.map(({ name }) => name));
    expect(await all[5]!.get('SELECT version FROM schema_state')).toEqual({ version: MIGRATIONS.length });
  });

  it('has names in the order of their numbers, and readers that can exist', () => {
    for (const [i, { name, oldestReader }] of MIGRATIONS.entries()) {
      expect(name).toMatch(new RegExp(`^${String(i + 1).padStart(4, '0')}-[a-z-]+$`));
      expect(oldestReader).toBeLessThanOrEqual(i + 1);
      expect(oldestReader).toBeGreaterThanOrEqual(MIGRATIONS[i - 1]?.oldestReader ?? 1);
    }
  });

  it('lets an old program go on beside a new one that adds, and stops it when something is taken away', async () => {
    const address = await fresh();
    const old = await open(address, [FIRST]);
    await old.run('INSERT INTO a VALUES (1)');
    const newer = await open(address, [FIRST, ADDED]);
    expect(await newer.all('SELECT * FROM a')).toEqual([{ x: 1, y: 0 }]);
    await old.checkSchema();
    await old.run('INSERT INTO a (x) VALUES (2)');
    // And one that starts only now.
    await (await open(address, [FIRST])).checkSchema();
    await open(address, [FIRST, ADDED, CONTRACTED]);
    await expect(old.checkSchema()).rejects.toMatchObject(UNSUPPORTED);
    await expect(newer.checkSchema()).rejects.toMatchObject(UNSUPPORTED);
    await expect(open(address, [FIRST])).rejects.toMatchObject(UNSUPPORTED);
    await expect(open(address, [FIRST, ADDED])).rejects.toMatchObject(UNSUPPORTED);
  });

  it('is not brought forward by who may not, and needs no such right once it is there', async () => {
    const address = await fresh();
    await expect(open(address, [FIRST], false)).rejects.toMatchObject(UNSUPPORTED);
    await open(address, [FIRST]);
    const name = new URL(address).pathname.slice(1);
    await server.query(
      `CREATE ROLE app LOGIN PASSWORD 'app'; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app`,
      name,
    );
    const app = await open(server.addressOf(name, 'app', 'app'), [FIRST]);
    await app.run('INSERT INTO a VALUES (1)');
    await expect(open(server.addressOf(name, 'app', 'app'), [FIRST, ADDED])).rejects.toMatchObject({
      code: 'DATABASE_REFUSED',
    });
  });

  it('is as before when a step fails', async () => {
    const address = await fresh();
    const broken: SchemaMigration = { ...ADDED, sql: 'CREATE TABLE b (x int); SELECT 1/0;' };
    await expect(open(address, [FIRST, broken])).rejects.toMatchObject({ code: 'INTERNAL' });
    const database = await open(address, [FIRST]);
    expect(await database.get(`SELECT to_regclass('b') AS b`)).toEqual({ b: null });
    expect(await database.get('SELECT version FROM schema_state')).toEqual({ version: 1 });
  });

  it('is refused when it was made by steps that are not ours', async () => {
    const address = await fresh();
    await open(address, [{ ...FIRST, name: '0001-theirs' }]);
    await expect(open(address, [FIRST, ADDED])).rejects.toMatchObject(UNSUPPORTED);
  });
});
