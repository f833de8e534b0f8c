import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requireWritable, SECRET_MODE, writeWhole } from './write-file.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-write-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('replaces a file as a whole and leaves nothing else', async () => {
  const file = join(folder, 'a.txt');
  await writeWhole(file, 'one');
  await writeWhole(file, 'two');
  expect(await readFile(file, 'utf8')).toBe('two');
  expect(await readdir(folder)).toEqual(['a.txt']);
});

it('keeps the old file when writing fails, and cleans up', async () => {
  const file = join(folder, 'b');
  await writeFile(file, 'old');
  const pieces = (function* () {
    yield new Uint8Array(10);
    throw new Error('disk on fire');
  })();
  await expect(writeWhole(file, pieces)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  expect(await readFile(file, 'utf8')).toBe('old');
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('writes pieces one after another', async () => {
  const file = join(folder, 'pieces');
  await writeWhole(file, [Uint8Array.from([1, 2]), Uint8Array.from([3])]);
  expect([...(await readFile(file))]).toEqual([1, 2, 3]);
});

it('makes secrets readable for their owner only, also when it replaces a file', async () => {
  const file = join(folder, 'secret');
  await writeFile(file, 'public', { mode: 0o644 });
  await writeWhole(file, 'secret', SECRET_MODE);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

it('finds out beforehand what cannot be written', async () => {
  await expect(requireWritable(join(folder, 'none', 'x'))).rejects.toMatchObject({
    code: 'OUTPUT_UNWRITABLE',
  });
  await expect(requireWritable(folder)).rejects.toThrow(/is a directory/);
  await expect(requireWritable(join(folder, 'new'))).resolves.toBeUndefined();
});

it('puts no file in the place of a device, a pipe or a socket', async () => {
  const socket = join(folder, 'socket');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  await expect(requireWritable(socket)).rejects.toThrow(/expected a file/);
  await expect(writeWhole(socket, 'x')).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  expect((await stat(socket)).isSocket()).toBe(true);
  server.close();
});
