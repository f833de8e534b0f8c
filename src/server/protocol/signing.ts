/**
 * Signatures over tool calls and their results, end to end and independent of the transport: Ed25519 (RFC 8032) over the
 * canonical form (RFC 8785). A request signs tool, arguments, timestamp, nonce and the server meant; a result signs what
 * it answers. Keys travel as Base64 of SubjectPublicKeyInfo (RFC 8410).
 */
import type { KeyObject } from 'node:crypto';
import { createHash, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from './canonical-json.ts';
import { ToolError } from './error-codes.ts';

export const requestSignature = z.strictObject({
  alg: z.literal('Ed25519'),
  /** Milliseconds since 1970, UTC. */
  timestamp: z.int().min(0),
  nonce: z.string().regex(/^[A-Za-z0-9_-]{16,64}$/),
  /** `keyId` of the server that is meant. */
  audience: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.base64().length(88),
});
export type RequestSignature = z.infer<typeof requestSignature>;

export const resultSignature = z.object({
  alg: z.literal('Ed25519'),
  timestamp: z.int().min(0),
  key_id: z.string().regex(/^[0-9a-f]{64}$/),
  request_digest: z.string().regex(/^[0-9a-f]{64}$/),
  signature: z.base64().length(88),
});
export type ResultSignature = z.infer<typeof resultSignature>;

export interface ToolCall {
  readonly tool: string;
  readonly arguments: unknown;
}

/** Who is who: SHA-256, hex, of the public key's SubjectPublicKeyInfo. */
export function keyId(publicKey: KeyObject): string {
  return createHash('sha256').update(exportKey(publicKey)).digest('hex');
}

function exportKey(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' });
}

export function encodePublicKey(publicKey: KeyObject): string {
  return exportKey(publicKey).toString('base64');
}

/** @throws ToolError ERROR_INVALID_ARGUMENT unless it is an Ed25519 key */
export function decodePublicKey(text: string): KeyObject {
  let key: KeyObject | null;
  try {
    key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
  } catch {
    key = null;
  }
  if (key?.asymmetricKeyType !== 'ed25519') {
    throw new ToolError(
      'ERROR_INVALID_ARGUMENT',
      'the public key is not an Ed25519 key (SubjectPublicKeyInfo, Base64)',
    );
  }
  return key;
}

export function signRequest(
  call: ToolCall,
  privateKey: KeyObject,
  audience: string,
  now: number = Date.now(),
): RequestSignature {
  const facts = { timestamp: now, nonce: randomBytes(18).toString('base64url'), audience };
  const signature = sign(null, requestBytes(call, facts), privateKey).toString('base64');
  return { alg: 'Ed25519', ...facts, signature };
}

export function verifyRequest(call: ToolCall, signed: RequestSignature, publicKey: KeyObject): boolean {
  return verify(null, requestBytes(call, signed), publicKey, Buffer.from(signed.signature, 'base64'));
}

/** Binds a result to its request: SHA-256, hex, over tool and arguments, and the nonce if the request has one. */
export function requestDigest(call: ToolCall, nonce: string | null): string {
  const text = canonicalJson({ arguments: call.arguments ?? {}, nonce, tool: call.tool });
  return createHash('sha256').update(text).digest('hex');
}

export function signResult(
  result: unknown,
  digest: string,
  privateKey: KeyObject,
  id: string,
  now: number = Date.now(),
): ResultSignature {
  const bytes = resultBytes(result, digest, now);
  return {
    alg: 'Ed25519',
    timestamp: now,
    key_id: id,
    request_digest: digest,
    signature: sign(null, bytes, privateKey).toString('base64'),
  };
}

export function verifyResult(result: unknown, signed: ResultSignature, publicKey: KeyObject): boolean {
  const bytes = resultBytes(result, signed.request_digest, signed.timestamp);
  return verify(null, bytes, publicKey, Buffer.from(signed.signature, 'base64'));
}

function requestBytes(
  call: ToolCall,
  { timestamp, nonce, audience }: Pick<RequestSignature, 'timestamp' | 'nonce' | 'audience'>,
): Buffer {
  return Buffer.from(
    canonicalJson({ arguments: call.arguments ?? {}, audience, nonce, timestamp, tool: call.tool }),
  );
}

function resultBytes(result: unknown, digest: string, timestamp: number): Buffer {
  return Buffer.from(canonicalJson({ request_digest: digest, result, timestamp }));
}
