/** Schemas of names and bytes as they travel; every one bounds its length. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ToolError } from './error-codes.ts';

const NAME = /^[A-Za-z0-9_-]{1,128}$/;

export const clientId = z.string().regex(NAME).describe('Name under which this client is enrolled');
export const sessionId = z
  .string()
  .regex(NAME)
  .describe('Groups the chunks and the inference of one request');
/** A bare name: no separators, not hidden, so that it never leads anywhere. */
export const fileName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/)
  .describe('Name of the file that the chunk belongs to; no folders');
export const modelId = z.string().min(1).max(200).describe('Model, as list_models names it');
export const keyReference = z
  .string()
  .regex(/^hekey:[0-9a-f]{64}$/)
  .describe('Reference to provisioned evaluation keys');
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export const authToken = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,256}$/)
  .describe('Bearer credential from enrol_client; may travel in the Authorization header instead');
export const MAX_CHUNKS = 65_536;
export const chunkIndex = z
  .int()
  .min(0)
  .max(MAX_CHUNKS - 1)
  .describe('0-based');
export const totalChunks = z.int().min(1).max(MAX_CHUNKS);
/** The hard limit of the draft's example; a server may state a lower one. */
export const HIGHEST_CHUNK_BYTES = 32 * 2 ** 20;

export function base64Length(bytes: number): number {
  return 4 * Math.ceil(bytes / 3);
}

/** Long enough that a chunk one byte too large gets its own error code rather than a schema's. */
export const chunkText = z
  .string()
  .max(base64Length(HIGHEST_CHUNK_BYTES) + 4096)
  .describe('The chunk’s bytes in standard Base64, padded');

/**
 * Strict: the text is exactly what encoding the bytes gives (RFC 4648, §3.5).
 * @throws ToolError ERROR_CHUNK_TOO_LARGE or ERROR_CHUNK_INVALID
 */
export function decodeChunk(text: string, maxBytes: number): Buffer {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const length = Math.floor(text.length / 4) * 3 - padding;
  if (length > maxBytes) {
    throw new ToolError('ERROR_CHUNK_TOO_LARGE', `a chunk of ${length} bytes, at most ${maxBytes} are taken`);
  }
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== text) {
    throw new ToolError('ERROR_CHUNK_INVALID', 'the chunk is empty or not strict Base64');
  }
  return bytes;
}

/** Ed25519 in SubjectPublicKeyInfo: 44 bytes. */
export const publicKeyText = z
  .string()
  .regex(/^[A-Za-z0-9+/]{59}=$/)
  .describe('Ed25519, SubjectPublicKeyInfo, Base64');

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
