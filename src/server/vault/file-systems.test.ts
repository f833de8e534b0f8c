/** Private files where the file system cannot link: they are copied, and made once all the same. */
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createPrivate } from './private-files.ts';

vi.mock('node:fs/promises', { spy: true });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-files-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const refuse = (code: string): void =>
  void vi.mocked(fs.link).mockRejectedValue(Object.assign(new Error('no links'), { code }));

it.each(['EPERM', 'ENOTSUP', 'ENOSYS'])('makes a file once where links are refused with %s', async (code) => {
  refuse(code);
  const path = join(folder, 'f');
  expect(await createPrivate(path, Buffer.from('1'))).toBe(true);
  expect(await createPrivate(path, Buffer.from('2'))).toBe(false);
  expect(await readFile(path, 'utf8')).toBe('1');
  expect(((await stat(path)).mode & 0o777).toString(8)).toBe('600');
  expect(await readdir(folder)).toEqual(['f']);
});

it('makes none where something else is wrong', async () => {
  refuse('EIO');
  await expect(createPrivate(join(folder, 'f'), Buffer.from('1'))).rejects.toThrow('no links');
  expect(await readdir(folder)).toEqual([]);
});
