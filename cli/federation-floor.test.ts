import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DEFAULT_FLOOR } from '../src/federation/policy/floor.ts';
import { readFloor, readMembers } from './federation-floor.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'he-compile-floor-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(content: unknown): Promise<string> {
  const path = join(folder, 'file.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const usage = expect.objectContaining({ code: 'USAGE' }) as Error;

it('a floor is the default where the file says nothing', async () => {
  expect(await readFloor(await file({}))).toEqual(DEFAULT_FLOOR);
  expect(await readFloor(await file({ epsilon: 3, min_survivors: 6, colluders: 2 }))).toEqual({
    ...DEFAULT_FLOOR,
    ...{ epsilon: 3, minSurvivors: 6, colluders: 2 },
  });
  expect((await readFloor(await file({ epsilon: null, mechanism: 'none' }))).epsilon).toBe(Infinity);
});

it.each([{ epsilon: 0 }, { delta: 1 }, { min_survivors: 2 }, { eps: 1 }, '{'])(
  'the floor %j is refused',
  async (text) => {
    await expect(readFloor(await file(text))).rejects.toThrow(usage);
  },
);

it('members are names with Ed25519 keys', async () => {
  const key = `${'A'.repeat(59)}=`;
  expect(await readMembers(await file({ berlin: key }))).toEqual(new Map([['berlin', key]]));
  for (const wrong of [{ berlin: 'key' }, { '../x': key }, []])
    await expect(readMembers(await file(wrong)), JSON.stringify(wrong)).rejects.toThrow(usage);
});
