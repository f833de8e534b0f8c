/**
 * The signed manifest of a key set (the draft's §8: evaluation keys are signed and bound to their client): which files, for
 * which algorithm, of which client, under the Ed25519 key that a server pins when the client enrols.
 */
import { sign } from 'node:crypto';
import { join } from 'node:path';
import type { ClientIdentity } from '../client/credentials.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { writePrivate } from '../vault/private-files.ts';
import type { KeyFileRecord, KeyRecord } from './key-record.ts';

const FILE = 'manifest.json';
export const MANIFEST_FORMAT = 'he-compile/evaluation-keys/1';

export interface KeyManifest {
  format: string;
  client_id: string;
  key_set: string;
  algorithm_id: string;
  created_at: string;
  files: KeyFileRecord[];
  public_key: string;
  certificate_chain?: string[];
  /** Ed25519 over the canonical form (RFC 8785) of everything else, Base64. */
  signature: string;
}

/** Writes it beside the keys. */
export async function signKeyManifest(
  record: KeyRecord,
  folder: string,
  { privateKey, publicKey, certificateChain }: ClientIdentity,
): Promise<{ document: KeyManifest; path: string }> {
  const facts = {
    format: MANIFEST_FORMAT,
    client_id: record.client_id,
    key_set: record.key_set,
    algorithm_id: record.algorithm_id,
    created_at: record.created_at,
    files: record.evaluation_keys,
    public_key: publicKey,
    ...(certificateChain.length === 0 ? {} : { certificate_chain: [...certificateChain] }),
  };
  const signature = sign(null, Buffer.from(canonicalJson(facts)), privateKey).toString('base64');
  const document: KeyManifest = { ...facts, signature };
  const path = join(folder, FILE);
  await writePrivate(path, Buffer.from(JSON.stringify(document, null, 2)));
  return { document, path };
}
