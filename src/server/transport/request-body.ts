/** Bodies of HTTP requests: bounded before anything is parsed. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Body =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly refuse: Refusal };

export interface Refusal {
  readonly status: number;
  readonly code: number;
  readonly message: string;
}

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
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    return refusal({ status: 400, code: -32700, message: 'Parse error: the body is not JSON' });
  }
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
