/** The limits of the server as its HTTP listener takes them. */
import { base64Length, HIGHEST_CHUNK_BYTES } from '../protocol/identifiers.ts';
import type { HttpListenerOptions } from '../transport/http-listener.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import type { HostingLimits } from './limits.ts';

const SESSION_IDLE_MS = 3_600_000;

/** What a message has besides a chunk. */
const ENVELOPE_BYTES = 64 * 1024;
/** Negotiation parameters and certificate chains fit in this even if chunks are tiny. */
const LEAST_BODY_BYTES = 2 ** 20;
/** Of the bodies in flight: at least one that is as large as any. */
const STRANGERS_SHARE = 0.5;
/** Chunks up to what the draft allows are taken, so that one too large for this server hears so in the protocol's own words. */
export const MAX_MESSAGE_BYTES = base64Length(HIGHEST_CHUNK_BYTES) + ENVELOPE_BYTES;

/** What an operator says of it besides. */
export type HttpSettings = Pick<
  HttpListenerOptions,
  'address' | 'tls' | 'sse' | 'allowedHosts' | 'allowedOrigins' | 'requireBearer' | 'proxies'
>;

export function httpLimits(
  limits: HostingLimits,
): Pick<HttpListenerOptions, 'maxBodyBytes' | 'sessions' | 'admission' | 'rates'> {
  const bodyBytes = Math.max(LEAST_BODY_BYTES, base64Length(limits.maxChunkBytes) + ENVELOPE_BYTES);
  // One that is too large has room, and then somebody else's.
  const room = (bodies: number, largest = 1): number =>
    Math.max(bodies * bodyBytes, largest * MAX_MESSAGE_BYTES);
  return {
    maxBodyBytes: MAX_MESSAGE_BYTES,
    sessions: { all: limits.mcpSessions, perCaller: limits.mcpSessionsPerCaller, idleMs: SESSION_IDLE_MS },
    admission: {
      connections: limits.connections,
      connectionsPerOrigin: limits.connectionsPerOrigin,
      bodyBytes: room(limits.bodiesInFlight, 2),
      bodyBytesPerCaller: room(limits.bodiesInFlightPerCaller),
      bodyBytesOfStrangers: room(limits.bodiesInFlight, 2) * STRANGERS_SHARE,
    },
    rates: {
      requests: new RateLimiter(limits.strangerRequestsPerSecond, limits.strangerRequestBurst),
      bytes: new RateLimiter(limits.strangerBodiesPerSecond * bodyBytes, room(limits.strangerBodyBurst)),
      clientBytes: new RateLimiter(limits.clientBytesPerSecond, Math.max(limits.clientByteBurst, room(1))),
    },
  };
}
