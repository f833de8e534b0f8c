/** What the key store remembers of a key set, sealed beside the secret key: nobody can change it unnoticed. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Signature } from '../../program/signature.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { clientId, fileName, sha256 } from '../protocol/identifiers.ts';
import { encodeSignature } from '../protocol/signature-document.ts';

export const keySetId = z.string().regex(/^[0-9a-f]{32}$/);

export const keyFile = z.strictObject({ file_name: fileName, bytes: z.int().positive(), sha256 });
export type KeyFileRecord = z.infer<typeof keyFile>;

export const keyRecord = z.strictObject({
  version: z.literal(1),
  client_id: clientId,
  key_set: keySetId,
  model: z.string(),
  algorithm_id: z.string(),
  /** Of the signature that the keys were made for: equal signatures share keys. */
  signature_sha256: sha256,
  batch_size: z.int().min(1),
  created_at: z.iso.datetime(),
  public_key: keyFile,
  evaluation_keys: z.array(keyFile).min(1),
  signature: z.unknown(),
});
export type KeyRecord = z.infer<typeof keyRecord>;

/** SHA-256, hex, of everything that keys, encryption and decryption depend on. */
export function signatureDigest(signature: Signature, batchSize: number): string {
  const text = canonicalJson({ batch_size: batchSize, signature: encodeSignature(signature) });
  return createHash('sha256').update(text).digest('hex');
}
