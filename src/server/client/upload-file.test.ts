import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Chunk, LocalFile, RemoteFile } from './upload-file.ts';
import { digestOfFile, uploadFiles } from './upload-file.ts';

const CONTENT = randomBytes(1000);
const PLAN = { chunkBytes: 300, parallel: 3 };

let folder: string;
let file: LocalFile;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-upload-'));
  const path = join(folder, 'f');
  await writeFile(path, CONTENT);
  file = { fileName: 'f', path, ...(await digestOfFile(path)) };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function upload(
  remote: readonly RemoteFile[],
  plan = PLAN,
): Promise<{ chunks: Chunk[]; sent: number }> {
  const chunks: Chunk[] = [];
  let sent = 0;
  await uploadFiles(
    [file],
    remote,
    plan,
    async (chunk) => void chunks.push(chunk),
    (bytes) => (sent += bytes),
  );
  return { chunks: chunks.sort((a, b) => a.index - b.index), sent };
}

describe('uploadFiles', () => {
  it('sends every byte once, each chunk with its digest', async () => {
    const { chunks, sent } = await upload([]);
    expect(chunks.map(({ index, total, bytes }) => [index, total, bytes.length])).toEqual([
      [0, 4, 300],
      [1, 4, 300],
      [2, 4, 300],
      [3, 4, 100],
    ]);
    expect(Buffer.concat(chunks.map(({ bytes }) => bytes))).toEqual(CONTENT);
    for (const { bytes, sha256 } of chunks)
      expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(sent).toBe(1000);
  });

  it('sends only what is missing, and counts the rest as sent', async () => {
    const { chunks, sent } = await upload([
      {
        file_name: 'f',
        total_chunks: 4,
        missing: [
          [1, 1],
          [3, 3],
        ],
      },
    ]);
    expect(chunks.map(({ index }) => index)).toEqual([1, 3]);
    expect(sent).toBe(1000);
    expect((await upload([{ file_name: 'f', total_chunks: 4, missing: [] }])).chunks).toEqual([]);
  });

  it('sends nothing twice, and nothing that there is not, whatever a server lists', async () => {
    const all: [number, number][] = Array.from({ length: 65_536 }, () => [0, 65_535]);
    const missing: [number, number][] = [...all, [-5, 1], [2, 2 ** 40], [3, 1], [-9, -1], [7, 9]];
    const { chunks } = await upload([{ file_name: 'f', total_chunks: 4, missing }]);
    expect(chunks.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const some: [number, number][] = [
      [-5, 0],
      [2, 2],
      [3, 1],
      [4, 9],
    ];
    expect(
      (await upload([{ file_name: 'f', total_chunks: 4, missing: some }])).chunks.map(({ index }) => index),
    ).toEqual([0, 2]);
  });

  it('sends everything of a file that was announced only', async () => {
    expect((await upload([{ file_name: 'f', total_chunks: 0, missing: [] }])).chunks.length).toBe(4);
  });

  it('never sends more than it may at once', async () => {
    let open = 0;
    let most = 0;
    const send = async (): Promise<void> => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 2));
      open--;
    };
    await uploadFiles([file], [], { chunkBytes: 50, parallel: 3 }, send, () => undefined);
    expect(most).toBe(3);
  });

  it('refuses to continue in chunks of another size', async () => {
    const remote = [{ file_name: 'f', total_chunks: 7, missing: [[0, 6]] as [number, number][] }];
    await expect(upload(remote)).rejects.toMatchObject({ code: 'ERROR_CHUNK_CONFLICT' });
  });

  it('fails with what failed, after the others have ended', async () => {
    let open = 0;
    const send = async ({ index }: Chunk): Promise<void> => {
      open++;
      await new Promise((resolve) => setTimeout(resolve, index === 0 ? 1 : 20));
      open--;
      if (index === 0) throw new Error('first');
    };
    await expect(uploadFiles([file], [], PLAN, send, () => undefined)).rejects.toThrow('first');
    expect(open).toBe(0);
  });

  it('notices that a file became shorter', async () => {
    const shorter = { ...file, bytes: 1500 };
    const sending = uploadFiles(
      [shorter],
      [],
      PLAN,
      async () => undefined,
      () => undefined,
    );
    await expect(sending).rejects.toMatchObject({ code: 'ERROR_INVALID_INPUT' });
  });
});
