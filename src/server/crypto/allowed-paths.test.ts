import { execFileSync } from 'node:child_process';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AllowedPaths } from './allowed-paths.ts';

const REFUSED = { code: 'ERROR_PATH_REFUSED' };
const INVALID = { code: 'ERROR_INVALID_INPUT' };

let base: string;
let root: string;
let allowed: AllowedPaths;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-paths-')));
  root = join(base, 'root');
  await mkdir(join(root, 'store'), { recursive: true });
  await mkdir(join(base, 'outside'));
  await mkdir(join(base, 'root-twin'));
  await writeFile(join(root, 'in.txt'), 'inside');
  await writeFile(join(root, 'store', 'secret'), 'forbidden');
  await writeFile(join(base, 'outside', 'out.txt'), 'outside');
  await writeFile(join(base, 'root-twin', 'out.txt'), 'outside');
  allowed = await AllowedPaths.create([root], [join(root, 'store')]);
});
afterEach(() => rm(base, { recursive: true, force: true }));

describe('reading', () => {
  it('takes files inside of a root, also over a link', async () => {
    await symlink(join(root, 'in.txt'), join(root, 'link.txt'));
    await symlink(root, join(base, 'alias'));
    for (const path of ['in.txt', 'link.txt', '../alias/in.txt', './x/../in.txt']) {
      expect(Buffer.from(await allowed.read(join(root, path), 100)).toString()).toBe('inside');
    }
  });

  it('refuses everything outside, whichever way it is written', async () => {
    await symlink(join(base, 'outside', 'out.txt'), join(root, 'link.txt'));
    await symlink(join(base, 'outside'), join(root, 'folder'));
    await symlink('../outside/out.txt', join(root, 'relative.txt'));
    const paths = [
      join(base, 'outside', 'out.txt'),
      `${root}/../outside/out.txt`,
      `${root}/link.txt`,
      `${root}/folder/out.txt`,
      `${root}/relative.txt`,
      `${base}/root-twin/out.txt`,
      '/etc/passwd',
      'in.txt',
      './in.txt',
      `${root}/in.txt\0.png`,
      `/${'a/'.repeat(3000)}x`,
      '',
    ];
    for (const path of paths) await expect(allowed.read(path, 100), path).rejects.toMatchObject(REFUSED);
    // Means root/outside/out.txt: ".." is resolved as written, never by way of the link.
    await expect(allowed.read(`${root}/folder/../outside/out.txt`, 100)).rejects.toMatchObject(INVALID);
  });

  it('does not follow a link that leads nowhere yet', async () => {
    await symlink(join(base, 'outside', 'later.txt'), join(root, 'dangling'));
    await expect(allowed.read(join(root, 'dangling'), 100)).rejects.toMatchObject(REFUSED);
  });

  it('refuses the key store, also inside of a root', async () => {
    await symlink(join(root, 'store'), join(root, 'door'));
    await expect(allowed.read(join(root, 'store', 'secret'), 100)).rejects.toMatchObject(REFUSED);
    await expect(allowed.read(join(root, 'door', 'secret'), 100)).rejects.toMatchObject(REFUSED);
    await expect(allowed.folder(join(root, 'store', 'new'))).rejects.toMatchObject(REFUSED);
  });

  it('does not tell by its message whether a file outside exists', async () => {
    const messageOf = (path: string): Promise<string> =>
      allowed.read(path, 100).then(
        () => 'read',
        (error: Error) => error.message,
      );
    await symlink(join(base, 'outside', 'out.txt'), join(root, 'there'));
    await symlink(join(base, 'outside', 'none.txt'), join(root, 'nowhere'));
    await symlink(join(root, 'circle'), join(root, 'circle'));
    const outside = (name: string): string => join(base, 'outside', name);
    const paths = [
      ...['out.txt', 'none.txt', 'out.txt/x', 'none.txt/x', `${'n'.repeat(300)}`].map(outside),
      ...['there', 'nowhere', 'circle'].map((name) => join(root, name)),
    ];
    const messages = new Set<string>();
    for (const path of paths) messages.add(await messageOf(path));
    expect([...messages]).toEqual(['the path is refused: it is outside of the allowed folders']);
  });

  it('reads no folder, no pipe, nothing that is too large and nothing that is not there', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(allowed.read(root, 100)).rejects.toMatchObject(INVALID);
    await expect(allowed.read(join(root, 'pipe'), 100)).rejects.toMatchObject(INVALID);
    await expect(allowed.read(join(root, 'in.txt'), 5)).rejects.toMatchObject(INVALID);
    await expect(allowed.read(join(root, 'none'), 5)).rejects.toMatchObject(INVALID);
    expect((await allowed.read(join(root, 'in.txt'), 6)).length).toBe(6);
  });
});

describe('writing', () => {
  it('makes folders inside of a root', async () => {
    expect(await allowed.folder(join(root, 'a', 'b'))).toBe(join(root, 'a', 'b'));
    expect(await allowed.folder(join(root, 'a', 'b'))).toBe(join(root, 'a', 'b'));
  });

  it('makes none outside, also over links, also where a link leads to nothing yet', async () => {
    await symlink(join(base, 'outside'), join(root, 'door'));
    await symlink(join(base, 'outside', 'later'), join(root, 'dangling'));
    for (const path of [
      join(base, 'outside', 'x'),
      join(root, 'door', 'x'),
      join(root, 'dangling'),
      join(root, 'dangling', 'x'),
    ]) {
      await expect(allowed.folder(path), path).rejects.toMatchObject(REFUSED);
    }
    expect(await readdir(join(base, 'outside'))).toEqual(['out.txt']);
  });

  it('refuses a file in the place of a folder', async () => {
    await expect(allowed.folder(join(root, 'in.txt', 'x'))).rejects.toMatchObject(REFUSED);
  });
});

describe('new files', () => {
  it('never take the place of others', async () => {
    const paths: string[] = [];
    for (const content of ['1', '2', '3'])
      paths.push(await allowed.write(root, 'in.txt', Buffer.from(content)));
    expect(paths).toEqual(['in-2.txt', 'in-3.txt', 'in-4.txt'].map((name) => join(root, name)));
    expect(await readFile(join(root, 'in.txt'), 'utf8')).toBe('inside');
    expect(await readFile(join(root, 'in-4.txt'), 'utf8')).toBe('3');
    await symlink(join(base, 'outside', 'later.txt'), join(root, 'link.txt'));
    expect(await allowed.write(root, 'link.txt', Buffer.from('x'))).toBe(join(root, 'link-2.txt'));
    expect((await stat(join(root, 'link-2.txt'))).mode & 0o777).toBe(0o600);
  });

  it('are not written to where a folder leads that was moved in its place', async () => {
    const folder = await allowed.folder(join(root, 'session'));
    await rename(folder, join(root, 'aside'));
    for (const target of [join(base, 'outside'), join(root, 'aside')]) {
      await symlink(target, folder);
      await expect(allowed.write(folder, 'f', Buffer.from('x'))).rejects.toMatchObject(REFUSED);
      await rm(folder);
    }
    await expect(allowed.write(folder, 'f', Buffer.from('x'))).rejects.toMatchObject(REFUSED);
    expect(await readdir(join(base, 'outside'))).toEqual(['out.txt']);
    expect(await readdir(join(root, 'aside'))).toEqual([]);
  });
});

describe('roots', () => {
  it('must exist, and must not be everything', async () => {
    await expect(AllowedPaths.create([join(base, 'none')], [])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(AllowedPaths.create(['/'], [])).rejects.toMatchObject({ code: 'USAGE' });
  });
});
