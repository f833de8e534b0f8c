/** Makes an enrolment code while the server runs, or before: both use the same database. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { tokenHash } from './authentication.ts';

/** @param clientId name that it is meant for; null: any */
export async function invite(
  stateFolder: string,
  clientId: string | null,
  lifetimeMs: number,
): Promise<{ readonly code: string; readonly expiresAt: number }> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await using store = await SqliteMetadataStore.open(join(stateFolder, 'server.db'));
  const code = randomBytes(15).toString('base64url');
  const expiresAt = Date.now() + lifetimeMs;
  await store.putInvitation({ codeHash: tokenHash(code), clientId, expiresAt });
  return { code, expiresAt };
}
