/** Storage that runs full: by quota, by the disk, and by one client alone; and a server that lives on. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import * as disk from '../storage/disk-space.ts';
import { codeOf } from '../testing/evaluation-world.ts';
import { HTTP_SETTINGS, type IdleServers, idleServers } from '../testing/idle-servers.ts';
import { connectClient } from '../testing/mcp-clients.ts';
import { ProtocolClient } from '../testing/protocol-client.ts';
import { StorageRoom } from './storage-room.ts';

vi.mock('../storage/disk-space.ts', { spy: true });
const MIB = 2 ** 20;
const ROOMY = { free: 1e12, total: 1e13 };
const space = vi.mocked(disk.diskSpace);
const ballast = { missingBytes: 0 };
const LIMITS = { storedBytes: 1000, reservedBytes: 100, clientShare: 0.5 };

beforeEach(() => void space.mockReturnValue(ROOMY));
afterEach(() => vi.clearAllMocks());

describe('room', () => {
  it('is what the quota of all leaves, bytes on their way included, and of it each client has a share', async () => {
    await using store = await SqliteMetadataStore.open(':memory:');
    const room = new StorageRoom(store, '/', LIMITS, ballast);
    const owner = { clientId: 'c', kind: 'session', id: 's' } as const;
    await store.beginUpload({ owner, fileName: 'f', totalChunks: 2 });
    await store.putChunk(owner, 'f', { index: 0, bytes: 400, sha256: '0' });
    expect(await codeOf(() => room.hold('c', 101))).toBe('ERROR_QUOTA_EXCEEDED');
    using first = await room.hold('d', 500);
    expect(await codeOf(() => room.hold('c', 101))).toBe('ERROR_STORAGE_FULL');
    expect(await codeOf(async () => (await room.hold('c', 100))[Symbol.dispose]())).toBe('none');
    first[Symbol.dispose]();
    expect(await codeOf(async () => (await room.hold('d', 500))[Symbol.dispose]())).toBe('none');
    expect(room.full).toBe(false);
  });

  it('is what the disk has, but for a reserve', async () => {
    await using store = await SqliteMetadataStore.open(':memory:');
    const room = new StorageRoom(store, '/', { ...LIMITS, clientShare: 1 }, ballast);
    space.mockReturnValue({ free: 350, total: 1e4 });
    expect(await codeOf(() => room.hold('c', 251))).toBe('ERROR_STORAGE_FULL');
    using _ = await room.hold('c', 200);
    expect(await codeOf(() => room.hold('c', 51))).toBe('ERROR_STORAGE_FULL');
    space.mockReturnValue({ free: 300, total: 1e4 });
    expect(room.full).toBe(true);
    // Of a small disk a tenth.
    space.mockReturnValue({ free: 300, total: 500 });
    expect(room.full).toBe(false);
    expect(await codeOf(() => room.hold('c', 50))).toBe('none');
  });

  it('is not what was made by throwing off ballast', async () => {
    await using store = await SqliteMetadataStore.open(':memory:');
    space.mockReturnValue({ free: 350, total: 1e4 });
    const room = new StorageRoom(store, '/', LIMITS, { missingBytes: 250 });
    expect(room.full).toBe(true);
    expect(await codeOf(() => room.hold('c', 1))).toBe('ERROR_STORAGE_FULL');
  });
});

describe('a server on a full disk', () => {
  let servers: IdleServers;
  beforeEach(async () => {
    servers = await idleServers();
  });
  afterEach(() => servers[Symbol.asyncDispose]());

  it('refuses what is to be tried again, says that it is ill, and takes everything else', async () => {
    const { url } = await (await servers.start()).listenHttp(HTTP_SETTINGS);
    const connection = await connectClient('v2, 2026-07-28', { kind: 'http', url });
    const client = new ProtocolClient('c', connection.call, connection.capabilities);
    await client.enrol();
    const chunk = (session_id: string): Record<string, unknown> => ({
      ...{ session_id, file_name: 'f', chunk_index: 0, total_chunks: 2, chunk_b64: 'AAAA' },
    });
    const health = async (): Promise<number> => (await fetch(new URL('/healthz', url))).status;
    expect(await client.callAs('upload_ciphertext_chunk', chunk('one'))).toMatchObject({ ok: true });
    expect(await health()).toBe(200);
    space.mockReturnValue({ free: 4096, total: 1e12 });
    expect(await client.callAs('upload_ciphertext_chunk', chunk('two'))).toMatchObject({
      ...{ error_code: 'ERROR_STORAGE_FULL', retryable: true, retry_after_ms: 5000 },
    });
    // What it has is acknowledged again, listed and discarded; others may come.
    expect(await client.callAs('upload_ciphertext_chunk', chunk('one'))).toMatchObject({ ok: true });
    expect(await client.callAs('get_session_status', { session_id: 'one' })).toMatchObject({ ok: true });
    expect(await health()).toBe(503);
    const other = new ProtocolClient('d', connection.call, connection.capabilities);
    expect(await other.enrol()).toMatchObject({ ok: true });
    expect(await client.callAs('cancel_inference', { session_id: 'one', discard: true })).toMatchObject({
      ok: true,
    });
    space.mockReturnValue({ free: 1000 * MIB, total: 1e12 });
    expect(await client.callAs('upload_ciphertext_chunk', chunk('two'))).toMatchObject({ ok: true });
    expect(await health()).toBe(200);
    await connection.close();
  });

  it('starts, and takes ballast aboard once there is room', async () => {
    const { access } = await import('node:fs/promises');
    const ballast = (): Promise<boolean> =>
      access(`${servers.stateFolder}/ballast`).then(
        () => true,
        () => false,
      );
    const first = await servers.start();
    expect(await ballast()).toBe(true);
    await first[Symbol.asyncDispose]();
    space.mockReturnValue({ free: 0, total: 1e12 });
    const second = await servers.start();
    expect(await ballast()).toBe(false);
    await second.sweep();
    expect(await ballast()).toBe(false);
    space.mockReturnValue(ROOMY);
    await second.sweep();
    expect(await ballast()).toBe(true);
  });
});
