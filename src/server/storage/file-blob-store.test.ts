import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileBlobStore } from './file-blob-store.ts';
import { describeBlobStore } from './testing/blob-store-contract.ts';

describeBlobStore('blobs in files', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-blobs-'));
  return {
    store: await FileBlobStore.open(folder),
    reopen: () => FileBlobStore.open(folder),
    whereabouts: { kind: 'files', root: folder },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
});

describe('a store of files', () => {
  it('removes what a crash left half-written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'he-compile-blobs-'));
    try {
      await (await FileBlobStore.open(folder)).put('a/b', [Buffer.from('x')]);
      await writeFile(join(folder, 'a/.aside-0123456789abcdef'), 'half');
      const store = await FileBlobStore.open(folder);
      expect(await readdir(join(folder, 'a'))).toEqual(['b']);
      expect(await store.list('a')).toEqual(['b']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
