/** Bodies of HTTP requests: counted while they arrive, and bounded before anything is parsed. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonBounds, JsonExcess } from '../../program/bounded-json.ts';
import { JsonCounter } from '../../program/bounded-json.ts';

export type Body =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly refuse: Refusal };

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
  readonly retryAfterMs?: number;
}

export interface BodyLimits {
  readonly bytes: number;
  /** Hears of every piece; what it refuses is not read on. */
  hold(bytes: number): Refusal | null;
}

/**
 * More than any message has: lists of rotations have hundreds of entries. Deeper than any, too; what walks a message by recursion, as
 * the checking of schemas does, gets through this.
 */
export const MESSAGE_BOUNDS: JsonBounds = { nodes: 16_384, depth: 256 };

/** A body that comes more slowly than this only holds memory; the first seconds are a connection's own. */
const LEAST_BYTES_PER_SECOND = 16 * 1024;
const PATIENCE_MS = 10_000;
const CHECK_MS = 2000;

export async function readJsonBody(request: IncomingMessage, limits: BodyLimits): Promise<Body> {
  const { bytes: maxBytes } = limits;
  const tooLarge = { status: 413, code: -32000, message: `Payload too large: at most ${maxBytes} bytes` };
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    return refusal({
      status: 415,
      code: -32000,
      message: 'Unsupported Media Type: Content-Type must be application/json',
    });
  }
  // Bodies are taken as they come: a small one could inflate without bound.
  if (!['', 'identity'].includes(request.headers['content-encoding'] ?? '')) {
    return refusal({
      status: 415,
      code: -32000,
      message: 'Unsupported Media Type: no Content-Encoding is supported',
    });
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return refusal(tooLarge);
  const pieces: Buffer[] = [];
  const counter = new JsonCounter(MESSAGE_BOUNDS);
  let length = 0;
  const start = performance.now();
  const watch = setInterval(() => {
    const lateMs = performance.now() - start - PATIENCE_MS;
    if (lateMs * LEAST_BYTES_PER_SECOND > length * 1000) request.destroy();
  }, CHECK_MS);
  // Read to its end even so: who is cut off while sending does not hear why.
  let refuse: Refusal | null = null;
  try {
    const arriving = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const piece of arriving) {
      length += piece.length;
      if (length > maxBytes) return refusal(tooLarge);
      if (refuse !== null) continue;
      refuse = limits.hold(piece.length) ?? excessOf(counter.take(piece));
      if (refuse === null) pieces.push(piece);
      else pieces.length = 0;
    }
    if (refuse !== null) return refusal(refuse);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return refusal({ status: 400, code: -32700, message: 'Parse error: the body is not JSON' });
  } finally {
    clearInterval(watch);
  }
}

function excessOf(excess: JsonExcess | null): Refusal | null {
  return excess === null ? null : { status: 400, code: -32600, message: `Invalid Request: ${excess}` };
}

export function sendRefusal(
  response: ServerResponse,
  { status, code, message, retryAfterMs }: Refusal,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) return;
  // What is left of a body that was refused is not read.
  const close = response.req.complete ? {} : { Connection: 'close' };
  const wait = retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) };
  response.writeHead(status, { 'Content-Type': 'application/json', ...close, ...wait, ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
}

function refusal(refuse: Refusal): Body {
  return { ok: false, refuse };
}
