/** Chunks for sessions that have expired, before, while and after they are written: refused, and nothing of them is left. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import type { TestModel } from '../testing/served-model.ts';
import { compileFixture } from '../testing/served-model.ts';
import { DEFAULT_LIMITS } from './configuration.ts';
import { InferenceServer } from './inference-server.ts';
import { SILENT_LOG } from '../hosting/log.ts';
import type { ChunkArrival } from '../hosting/staging.ts';

const LIFETIME_MS = 3_600_000;

let model: TestModel;
let state: string;
let server: InferenceServer;
beforeAll(async () => {
  model = await compileFixture('digits-square');
}, 60_000);
afterAll(() => model[Symbol.asyncDispose]());
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'he-compile-state-'));
  vi.useFakeTimers({ toFake: ['Date'] });
  const configuration = {
    stateFolder: state,
    limits: { ...DEFAULT_LIMITS, sessionLifetimeMs: LIFETIME_MS, sessionsPerClient: 1 },
    enrolment: { open: true, unsigned: false, authorities: [] },
    threads: 1,
  };
  server = await InferenceServer.open([model.file], configuration, '0.0.0-test', SILENT_LOG);
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await server[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

function chunk(chunkIndex: number, content: string): ChunkArrival {
  return {
    fileName: 'input.hect',
    chunkIndex,
    totalChunks: 2,
    chunkText: Buffer.from(content).toString('base64'),
    chunkSha256: undefined,
  };
}

function send(arrival: ChunkArrival): Promise<unknown> {
  return server.services.sessions.accept('client', 'session', arrival);
}

/** Chunks that lie in the store. */
async function stored(): Promise<string[]> {
  const entries = await readdir(state, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return files.filter((path) => path.includes('in-input.hect'));
}

const EXPIRED = { code: 'ERROR_SESSION_EXPIRED' };

it('until the very end chunks are taken; from then on neither new nor known ones, and nothing is written', async () => {
  await send(chunk(0, 'first'));
  vi.setSystemTime(Date.now() + LIFETIME_MS - 1);
  expect(await send(chunk(0, 'first'))).toMatchObject({ chunk_index: 0, complete: false });
  const before = await stored();
  expect(before).toHaveLength(1);
  vi.setSystemTime(Date.now() + 1);
  await expect(send(chunk(1, 'second'))).rejects.toMatchObject(EXPIRED);
  await expect(send(chunk(0, 'first'))).rejects.toMatchObject(EXPIRED);
  await expect(send(chunk(0, 'other'))).rejects.toMatchObject(EXPIRED);
  expect(await stored()).toEqual(before);
});

it('a chunk that is written while its session expires is not acknowledged', async () => {
  await send(chunk(0, 'first'));
  const put = Reflect.get(FileBlobStore.prototype, 'put') as (...args: unknown[]) => Promise<void>;
  vi.spyOn(FileBlobStore.prototype, 'put').mockImplementation(async function (this: FileBlobStore, ...args) {
    await Reflect.apply(put, this, args);
    vi.setSystemTime(Date.now() + LIFETIME_MS);
  });
  await expect(send(chunk(1, 'second'))).rejects.toMatchObject(EXPIRED);
  expect(await stored()).toHaveLength(2);
  await server.sweep(Date.now() + 1);
  expect(await stored()).toEqual([]);
});

it('the sweep leaves nothing, and the same name then opens a session that knows nothing of the old one', async () => {
  await send(chunk(0, 'first'));
  vi.setSystemTime(Date.now() + LIFETIME_MS);
  await server.sweep(Date.now() + 1);
  expect(await stored()).toEqual([]);
  await expect(server.services.sessions.get('client', 'session')).rejects.toMatchObject({
    code: 'ERROR_UNKNOWN_SESSION',
  });
  // Other bytes for an index that the old session had, and a quota of one session.
  expect(await send(chunk(0, 'other'))).toMatchObject({ chunk_index: 0, complete: false });
  expect(await send(chunk(1, 'second'))).toMatchObject({ complete: true });
  expect((await server.services.sessions.status('client', 'session')).files).toMatchObject([
    { received_chunks: 2, missing: [] },
  ]);
});
