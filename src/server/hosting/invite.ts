/** Makes an enrolment code while the server runs, or before: both use the same database. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { MetadataStore } from '../storage/metadata-store.ts';
import { SqliteMetadataStore } from '../storage/sqlite-metadata-store.ts';
import { tokenHash } from './authentication.ts';

export interface Invitation {
  /** Good for one enrolment. */
  readonly code: string;
  readonly expiresAt: number;
}

/** @param clientId name that it is meant for; null: any */
export async function inviteTo(
  store: Pick<MetadataStore, 'putInvitation'>,
  clientId: string | null,
  lifetimeMs: number,
): Promise<Invitation> {
  const code = randomBytes(15).toString('base64url');
  const expiresAt = Date.now() + lifetimeMs;
  await store.putInvitation({ codeHash: tokenHash(code), clientId, expiresAt });
  return { code, expiresAt };
}

/** To a server with a folder of its own. */
export async function invite(
  stateFolder: string,
  clientId: string | null,
  lifetimeMs: number,
): Promise<Invitation> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 });
  await using store = await SqliteMetadataStore.open(join(stateFolder, 'server.db'));
  return await inviteTo(store, clientId, lifetimeMs);
}
