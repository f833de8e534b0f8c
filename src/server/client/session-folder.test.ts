import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionFolder } from './session-folder.ts';

const MODEL = { model: 'm', algorithmId: 'a' };

let root: string;
let sessions: SessionFolder;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'he-compile-sessions-'));
  sessions = new SessionFolder(join(root, 'sessions'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A session with one file of four bytes. */
async function begun(id: string): Promise<string> {
  const session = await sessions.open(id, 'print', MODEL);
  const path = join(session.folder, 'input.hect');
  await writeFile(path, 'abcd');
  await session.saveFiles('keys', [{ fileName: 'input.hect', path, bytes: 4, sha256: 'x' }]);
  return path;
}

describe('SessionFolder', () => {
  it('remembers what was encrypted, and forgets it at the end', async () => {
    expect(await sessions.open('s', 'print', MODEL)).toMatchObject({ files: null, keySet: null });
    await begun('s');
    const again = await sessions.open('s', 'print', MODEL);
    expect(again).toMatchObject({ files: [{ fileName: 'input.hect', bytes: 4 }], keySet: 'keys' });
    expect((await stat(again.folder)).mode & 0o777).toBe(0o700);
    await again.remove();
    expect(await readdir(join(root, 'sessions'))).toEqual([]);
  });

  it.each([
    ['another input', 'other', MODEL],
    ['another model', 'print', { ...MODEL, model: 'n' }],
    ['another algorithm', 'print', { ...MODEL, algorithmId: 'b' }],
  ])('does not mix a session with %s', async (_what, fingerprint, model) => {
    await begun('s');
    await expect(sessions.open('s', fingerprint, model)).rejects.toMatchObject({
      code: 'ERROR_SESSION_CLOSED',
    });
  });

  it('begins anew if its files are gone, cut off or its record is damaged', async () => {
    const path = await begun('s');
    await writeFile(path, 'abc');
    expect(await sessions.open('s', 'print', MODEL)).toMatchObject({ files: null });
    await rm(path);
    expect(await sessions.open('s', 'print', MODEL)).toMatchObject({ files: null });
    await begun('s');
    await writeFile(join(root, 'sessions', 's', 'session.json'), '{"version": 1');
    expect(await sessions.open('s', 'print', MODEL)).toMatchObject({ files: null });
  });

  it('removes sessions that were left behind long ago, and no others', async () => {
    await begun('old');
    await begun('new');
    await utimes(join(root, 'sessions', 'old'), 1, 1);
    await sessions.sweep(3_600_000);
    expect(await readdir(join(root, 'sessions'))).toEqual(['new']);
    await new SessionFolder(join(root, 'none')).sweep(0);
  });

  it.each(['../up', 'a/b', '', '.', 'x'.repeat(129)])('refuses the name "%s"', async (id) => {
    await expect(sessions.open(id, 'print', MODEL)).rejects.toMatchObject({ code: 'ERROR_INVALID_ARGUMENT' });
  });
});
