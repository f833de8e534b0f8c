import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPostgresAddress } from './postgres-address.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-address-'));
});
afterAll(() => rm(folder, { recursive: true }));

const read = (address: string, environment: NodeJS.ProcessEnv = {}) =>
  readPostgresAddress(address, environment);

describe('an address of PostgreSQL', () => {
  it('is taken apart, escapes resolved', async () => {
    const all = await read('postgresql://us%40er:p%2F%25w@127.0.0.1:5433/my-db?max_connections=7');
    expect(all).toEqual({
      ...{ host: '127.0.0.1', port: 5433, database: 'my-db', user: 'us@er', password: 'p/%w' },
      ...{ ssl: false, maxConnections: 7 },
    });
    const least = await read('postgres://[::1]/db');
    expect(least).toEqual({ host: '::1', port: 5432, database: 'db', ssl: false, maxConnections: 10 });
    expect(await read('postgres:///db?host=/run/postgresql')).toMatchObject({
      host: '/run/postgresql',
      ssl: false,
    });
  });

  it('is encrypted and verified on every way but that within the machine, unless it says otherwise', async () => {
    expect((await read('postgres://db.example/x')).ssl).toEqual({
      servername: 'db.example',
      rejectUnauthorized: true,
    });
    expect((await read('postgres://10.0.0.1/x')).ssl).toEqual({ rejectUnauthorized: true });
    expect((await read('postgres://localhost/x')).ssl).toBe(false);
    expect((await read('postgres://localhost/x?sslmode=verify-full')).ssl).toMatchObject({
      rejectUnauthorized: true,
    });
    expect((await read('postgres://db.example/x?sslmode=disable')).ssl).toBe(false);
    expect((await read('postgres://db.example/x?sslmode=require')).ssl).toMatchObject({
      rejectUnauthorized: false,
    });
  });

  it('names the files of TLS; with authorities, "require" verifies too', async () => {
    const ca = join(folder, 'ca.pem');
    await writeFile(ca, 'authorities');
    const at = `postgres://db.example/x?sslrootcert=${encodeURIComponent(ca)}`;
    expect((await read(at)).ssl).toMatchObject({ ca: 'authorities', rejectUnauthorized: true });
    expect((await read(at)).ssl).not.toHaveProperty('checkServerIdentity');
    for (const mode of ['require', 'verify-ca']) {
      const { ssl } = await read(`${at}&sslmode=${mode}`);
      expect(ssl).toMatchObject({ ca: 'authorities', rejectUnauthorized: true });
      expect(ssl).toHaveProperty('checkServerIdentity');
    }
    await expect(read('postgres://db.example/x?sslrootcert=/no/such')).rejects.toMatchObject({
      code: 'DATABASE_ADDRESS_INVALID',
    });
  });

  it('takes the password from the file before the URL, and reads it again each time', async () => {
    const file = join(folder, 'password');
    await writeFile(file, 'first\n');
    const { password } = await read('postgres://u:other@localhost/x', {
      HE_COMPILE_DATABASE_PASSWORD_FILE: file,
    });
    const now = password as () => Promise<string>;
    expect(await now()).toBe('first');
    await writeFile(file, 'second');
    expect(await now()).toBe('second');
    for (const text of ['', '\n', 'two\nlines\n', 'x'.repeat(5000)]) {
      await writeFile(file, text);
      await expect(now()).rejects.toMatchObject({ code: 'SECRET_UNREADABLE' });
    }
    await rm(file);
    const environment = { HE_COMPILE_DATABASE_PASSWORD_FILE: file };
    await expect(read('postgres://u@localhost/x', environment)).rejects.toMatchObject({
      code: 'SECRET_UNREADABLE',
    });
  });

  it.each([
    'no url secret',
    'mysql://u:secret@localhost/x',
    'postgres://u:secret@localhost',
    'postgres://u:secret@localhost/',
    'postgres://u:secret@localhost/a/b',
    'postgres:///x',
    'postgres://u:secret#@localhost/x',
    'postgres://u:secret%@localhost/x',
    'postgres://u:secret@localhost/x?sslmode=prefer',
    'postgres://u:secret@localhost/x?max_connections=0',
    'postgres://u:secret@localhost/x?max_connections=many',
    'postgres://u:secret@localhost/x?ssl=true',
  ])('%s is refused, and not repeated', async (address) => {
    const error = await read(address).then(
      () => null,
      (error: unknown) => error,
    );
    expect(error).toMatchObject({ code: 'DATABASE_ADDRESS_INVALID' });
    expect(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toContain('secret');
  });
});
