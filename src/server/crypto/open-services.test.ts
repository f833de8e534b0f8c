/** Two servers that open one key store at the same time are one client. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Vault } from '../vault/vault.ts';
import { openCryptoServices } from './open-services.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'he-compile-open-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

it('the name that was written first is the one of both', async () => {
  const settings = {
    vaultFolder: join(folder, 'store'),
    unlocking: { kind: 'key-file' as const, path: join(folder, 'key') },
    sessionsFolder: join(folder, 'sessions'),
    ...{ roots: [folder], servers: [], certified: null, clientId: null },
  };
  await using first = await openCryptoServices(settings);
  // It looks before the other has written it.
  vi.spyOn(Vault.prototype, 'read').mockResolvedValueOnce(null);
  await using second = await openCryptoServices(settings);
  expect(second.defaultClientId).toBe(first.defaultClientId);
  expect(first.defaultClientId).toMatch(/^agent_[0-9a-f]{12}$/);
});
