/** Bodies of HTTP requests: bounded before anything is parsed. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Body =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly refuse: Refusal };

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
}

/** Deeper than any message; what walks a message by recursion, as the checking of schemas does, gets through this. */
const MAX_DEPTH = 256;

export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
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
  let length = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      length += piece.length;
      if (length > maxBytes) return refusal(tooLarge);
      pieces.push(piece);
    }
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
    const value = JSON.parse(text) as unknown;
    if (isDeeperThan(value, MAX_DEPTH)) {
      return refusal({ status: 400, code: -32600, message: 'Invalid Request: nested too deeply' });
    }
    return { ok: true, value };
  } catch {
    return refusal({ status: 400, code: -32700, message: 'Parse error: the body is not JSON' });
  }
}

/** Level by level, because the stack is what is to be spared. */
function isDeeperThan(value: unknown, limit: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((entry): unknown[] =>
      typeof entry === 'object' && entry !== null ? Object.values(entry) : [],
    );
  }
  return false;
}

export function sendRefusal(
  response: ServerResponse,
  { status, code, message }: Refusal,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) return;
  // What is left of a body that was refused is not read.
  const close = status === 413 ? { Connection: 'close' } : {};
  response.writeHead(status, { 'Content-Type': 'application/json', ...close, ...headers });
  response.end(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }));
}

function refusal(refuse: Refusal): Body {
  return { ok: false, refuse };
}
