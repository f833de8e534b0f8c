/** HTTP's "not now" (RFC 9110, section 10.2.3) as an error that says when to come back, which clients of the SDK cannot hear. */

/** A server that takes no request now. */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal';
  readonly status: number;
  /** What it asks to wait, where it says. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, retryAfterMs: number | undefined) {
    super(`the server answered with HTTP status ${status}`);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

export const TOO_MANY_REQUESTS = 429;
const UNAVAILABLE = 503;

/** `fetch` that throws where the server is busy. @throws ServerRefusal */
export function refusingFetch(inner: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init);
    const { status } = response;
    if (status !== TOO_MANY_REQUESTS && status !== UNAVAILABLE) return response;
    await response.body?.cancel();
    throw new ServerRefusal(status, retryAfterMs(response.headers.get('Retry-After'), Date.now()));
  };
}

/** Seconds from now, or a date. */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  const value = header?.trim() ?? '';
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse takes much that is no date of HTTP.
  const at = /^[A-Z][a-z]{2}, .* GMT$/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
