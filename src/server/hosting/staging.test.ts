/** Bounds to the byte, order, repetition and removal of chunks, on stores of the test's own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Of } from '../protocol/identifiers.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import type { UploadOwner } from '../storage/records.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { type ChunkArrival, ownerPrefix, Staging, type StagingBounds } from './staging.ts';

const SESSION: UploadOwner = { clientId: 'client', kind: 'session', id: 'one' };
const OTHER_SESSION: UploadOwner = { clientId: 'client', kind: 'session', id: 'two' };
const NEIGHBOUR: UploadOwner = { clientId: 'neighbour', kind: 'session', id: 'one' };
const ROOMY: StagingBounds = { maxChunkBytes: 100, ownerBytes: 10_000, clientBytes: 10_000, files: 2 };

let folder: string;
let store: SqliteMetadataStore;
let blobs: FileBlobStore;
let staging: Staging;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-staging-'));
  store = await SqliteMetadataStore.open(':memory:');
  blobs = await FileBlobStore.open(folder);
  staging = new Staging(store, blobs, { hold: async () => ({ [Symbol.dispose]: () => undefined }) });
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function chunk(
  chunkIndex: number,
  totalChunks: number,
  bytes: number | string,
  fileName = 'input.hect',
): ChunkArrival {
  const content = typeof bytes === 'string' ? Buffer.from(bytes) : Buffer.alloc(bytes, chunkIndex + 1);
  return { fileName, chunkIndex, totalChunks, chunkText: content.toString('base64'), chunkSha256: undefined };
}

async function send(
  arrival: ChunkArrival,
  bounds: Partial<StagingBounds> = {},
  owner = SESSION,
): Promise<string> {
  try {
    const { complete } = await staging.accept(owner, arrival, { ...ROOMY, ...bounds });
    return complete ? 'complete' : 'taken';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('quotas count the chunk that comes in', () => {
  it.each(['ownerBytes', 'clientBytes'] as const)(
    '%s: exactly full is taken, a byte more is not',
    async (bound) => {
      expect(await send(chunk(0, 2, 60), { [bound]: 100 })).toBe('taken');
      expect(await send(chunk(1, 2, 41), { [bound]: 100 })).toBe('ERROR_QUOTA_EXCEEDED');
      expect(await send(chunk(1, 2, 40), { [bound]: 100 })).toBe('complete');
    },
  );

  it.each(['ownerBytes', 'clientBytes'] as const)(
    '%s: a first chunk above it is not taken',
    async (bound) => {
      expect(await send(chunk(0, 1, 51), { [bound]: 50 })).toBe('ERROR_QUOTA_EXCEEDED');
      expect(await send(chunk(0, 1, 50), { [bound]: 50 })).toBe('complete');
    },
  );

  it('a client has one quota for all that it sends, an owner one of its own, a neighbour another', async () => {
    const bounds = { ownerBytes: 100, clientBytes: 150 };
    expect(await send(chunk(0, 1, 100), bounds)).toBe('complete');
    expect(await send(chunk(0, 1, 51), bounds, OTHER_SESSION)).toBe('ERROR_QUOTA_EXCEEDED');
    expect(await send(chunk(0, 1, 50), bounds, OTHER_SESSION)).toBe('complete');
    expect(await send(chunk(0, 1, 100), bounds, NEIGHBOUR)).toBe('complete');
  });

  it('files are bounded in number, chunks of known ones are not', async () => {
    expect(await send(chunk(0, 2, 1, 'a'))).toBe('taken');
    expect(await send(chunk(0, 2, 1, 'b'))).toBe('taken');
    expect(await send(chunk(0, 2, 1, 'c'))).toBe('ERROR_QUOTA_EXCEEDED');
    expect(await send(chunk(1, 2, 1, 'a'))).toBe('complete');
  });

  it('a chunk that has been stored is acknowledged again, however full it is', async () => {
    expect(await send(chunk(0, 2, 60), { clientBytes: 60 })).toBe('taken');
    expect(await send(chunk(0, 2, 60), { clientBytes: 60 })).toBe('taken');
    expect(await staging.files(SESSION)).toMatchObject([{ received_chunks: 1, received_bytes: 60 }]);
  });

  it('what is removed makes room', async () => {
    expect(await send(chunk(0, 1, 100), { clientBytes: 100 })).toBe('complete');
    await staging.remove(SESSION);
    expect(await send(chunk(0, 1, 100), { clientBytes: 100 }, OTHER_SESSION)).toBe('complete');
    await staging.removeInputs(OTHER_SESSION);
    expect(await send(chunk(0, 1, 100), { clientBytes: 100 })).toBe('complete');
  });
});

describe('a chunk', () => {
  it.each([
    ['past the last', chunk(2, 2, 1), 'ERROR_CHUNK_INVALID'],
    ['that is too long', chunk(0, 1, 101), 'ERROR_CHUNK_TOO_LARGE'],
    ['with another digest', { ...chunk(0, 1, 1), chunkSha256: 'ab'.repeat(32) }, 'ERROR_CHUNK_INVALID'],
    ['with its digest', { ...chunk(0, 1, 1), chunkSha256: sha256Of(Buffer.alloc(1, 1)) }, 'complete'],
    ['that begins a secret key', chunk(0, 1, '{"kind":"secret-key"'), 'ERROR_SECRET_KEY_REFUSED'],
    [
      'that begins a secret key where its header ends',
      chunk(0, 1, `${' '.repeat(45)}"kind":"secret-key"`),
      'ERROR_SECRET_KEY_REFUSED',
    ],
    ['that says so later, as any bytes may', chunk(0, 1, `${' '.repeat(46)}"kind":"secret-key"`), 'complete'],
    ['that says so in its middle', chunk(1, 2, '{"kind":"secret-key"'), 'taken'],
  ])('%s', async (_what, arrival, expected) => {
    expect(await send(arrival)).toBe(expected);
    expect(await staging.files(SESSION)).toHaveLength(expected.startsWith('ERROR') ? 0 : 1);
  });

  it.each([
    [
      [5, 20],
      [0, 1, 2],
    ],
    [
      [5, 20],
      [2, 1, 0],
    ],
    [Array.from({ length: 63 }, (_, i) => i + 1), Array.from({ length: 64 }, (_, i) => 63 - i)],
    [[80], [1, 0]],
  ])('of a secret key is recognised whatever pieces it comes in: cut at %j', async (cuts, order) => {
    const text = `HECT012345678901{"blobs":[1],"kind":"secret-key"}${' '.repeat(40)}`;
    const pieces = [0, ...cuts].map((from, i) => text.slice(from, cuts[i] ?? text.length));
    const codes: string[] = [];
    for (const index of order) codes.push(await send(chunk(index, pieces.length, pieces[index]!)));
    expect(codes).toContain('ERROR_SECRET_KEY_REFUSED');
    expect(await store.storedBytes()).toBe(0);
    expect(await blobs.list(ownerPrefix(SESSION))).toEqual([]);
  });

  it('is stored as it came', async () => {
    await send(chunk(1, 2, 'second'));
    await send(chunk(0, 2, 'first'));
    const [file] = await staging.complete(SESSION);
    const stored = await Promise.all(file!.chunks.map(({ key }) => blobs.get(key)));
    expect(stored.map((bytes) => Buffer.from(bytes).toString())).toEqual(['first', 'second']);
  });

  it('may not change what was said before', async () => {
    expect(await send(chunk(0, 2, 'first'))).toBe('taken');
    expect(await send(chunk(0, 2, 'other'))).toBe('ERROR_CHUNK_CONFLICT');
    expect(await send(chunk(0, 3, 'first'))).toBe('ERROR_CHUNK_CONFLICT');
    expect(await send(chunk(1, 3, 'second'))).toBe('ERROR_CHUNK_CONFLICT');
    expect(await send(chunk(1, 2, 'second'))).toBe('complete');
    expect(await send(chunk(0, 2, 'first'))).toBe('complete');
  });

  it('is not acknowledged, nor recorded, by an owner that closes while it is written', async () => {
    let asked = 0;
    const requireOpen = (): void => {
      if (++asked === 2) throw Object.assign(new Error('closed'), { code: 'CLOSED' });
    };
    expect(await send(chunk(0, 1, 1), { requireOpen })).toBe('CLOSED');
    expect(asked).toBe(2);
    expect(await staging.files(SESSION)).toMatchObject([{ received_chunks: 0 }]);
  });
});

describe('at once', () => {
  it('the same chunk is stored once, and of two different ones the one that is acknowledged', async () => {
    const same = await Promise.all([1, 2, 3].map(() => send(chunk(0, 2, 'same'))));
    expect(same).toEqual(['taken', 'taken', 'taken']);
    const contents = ['one', 'two', 'three'];
    const codes = await Promise.all(contents.map((content) => send(chunk(1, 2, content))));
    expect(codes.toSorted()).toEqual(['ERROR_CHUNK_CONFLICT', 'ERROR_CHUNK_CONFLICT', 'complete']);
    const winner = contents[codes.indexOf('complete')]!;
    const [file] = await staging.complete(SESSION);
    const stored = await Promise.all(file!.chunks.map(({ key }) => blobs.get(key)));
    expect(stored.map((bytes) => Buffer.from(bytes).toString())).toEqual(['same', winner]);
    expect(file!.bytes).toBe(4 + winner.length);
  });

  it('no other number of chunks, and no secret key in two pieces, is taken', async () => {
    const totals = await Promise.all([send(chunk(0, 2, 'a')), send(chunk(1, 3, 'b'))]);
    expect(totals.toSorted()).toEqual(['ERROR_CHUNK_CONFLICT', 'taken']);
    const pieces = ['{"kind":"sec', `ret-key"}${' '.repeat(60)}`];
    const codes = await Promise.all(
      pieces.map((piece, index) => send(chunk(index, 2, piece), {}, OTHER_SESSION)),
    );
    expect(codes).toContain('ERROR_SECRET_KEY_REFUSED');
    expect(await store.uploads(OTHER_SESSION)).toEqual([]);
    expect(await blobs.list(ownerPrefix(OTHER_SESSION))).toEqual([]);
  });

  it.each(['ownerBytes', 'clientBytes', 'files'] as const)('no more than %s comes in', async (bound) => {
    const bounds = bound === 'files' ? { files: 3 } : { files: 100, [bound]: 100 };
    // Of one session each, or of one session all.
    const owner = (i: number) => (bound === 'clientBytes' ? { ...SESSION, id: `${i}` } : SESSION);
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => send(chunk(0, 1, 30, `f${i}`), bounds, owner(i))),
    );
    expect(codes.filter((code) => code === 'complete')).toHaveLength(3);
    expect(codes.filter((code) => code === 'ERROR_QUOTA_EXCEEDED')).toHaveLength(5);
    expect(await store.stagedBytes('client')).toBe(90);
  });
});

describe('a staged file', () => {
  it('is complete when all chunks are there, in their order, whatever order they came in', async () => {
    await expect(staging.complete(SESSION)).rejects.toThrow(/nothing was uploaded/);
    for (const index of [2, 0]) await send(chunk(index, 3, 10 + index));
    await expect(staging.complete(SESSION)).rejects.toThrow(/2 of 3 chunks of input.hect/);
    await send(chunk(1, 3, 11));
    expect(await staging.complete(SESSION)).toEqual([
      {
        fileName: 'input.hect',
        chunks: [0, 1, 2].map((index) => ({
          key: `session/client/one/in-input.hect/${index}`,
          bytes: 10 + index,
          sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
        })),
        bytes: 33,
      },
    ]);
    await expect(staging.complete(NEIGHBOUR)).rejects.toThrow();
  });

  it('says which chunks are missing, in ranges, of which no more than 64 are named', async () => {
    for (const index of [1, 2, 5]) await send(chunk(index, 8, 3));
    expect(await staging.files(SESSION)).toEqual([
      {
        file_name: 'input.hect',
        total_chunks: 8,
        received_chunks: 3,
        received_bytes: 9,
        missing: [
          [0, 0],
          [3, 4],
          [6, 7],
        ],
      },
    ]);
    for (let index = 1; index < 200; index += 2) await send(chunk(index, 200, 1, 'many'));
    const many = (await staging.files(SESSION)).find(({ file_name }) => file_name === 'many')!;
    expect(many.missing).toHaveLength(64);
    expect(many.missing.at(-1)).toEqual([126, 126]);
  });

  it('lies where its owner says', () => {
    expect(ownerPrefix(SESSION)).toBe('session/client/one');
    expect(ownerPrefix({ clientId: 'client', kind: 'keys', id: 'hekey:ab' })).toBe('keys/client/ab');
  });
});
