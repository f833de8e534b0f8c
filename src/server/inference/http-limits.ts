/** The limits of the server as its HTTP listener takes them. */
import type { HttpListenerOptions } from '../transport/http-listener.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import type { ServerLimits } from './configuration.ts';

const SESSION_IDLE_MS = 3_600_000;

export function httpLimits(
  limits: ServerLimits,
  maxBodyBytes: number,
): Pick<HttpListenerOptions, 'maxBodyBytes' | 'sessions' | 'admission' | 'strangers'> {
  return {
    maxBodyBytes,
    sessions: { all: limits.mcpSessions, perCaller: limits.mcpSessionsPerCaller, idleMs: SESSION_IDLE_MS },
    admission: {
      connections: limits.connections,
      connectionsPerOrigin: limits.connectionsPerOrigin,
      bodyBytes: limits.bodiesInFlight * maxBodyBytes,
      bodyBytesPerCaller: limits.bodiesInFlightPerCaller * maxBodyBytes,
    },
    strangers: {
      requests: new RateLimiter(limits.strangerRequestsPerSecond, limits.strangerRequestBurst),
      bytes: new RateLimiter(
        limits.strangerBodiesPerSecond * maxBodyBytes,
        limits.strangerBodyBurst * maxBodyBytes,
      ),
    },
  };
}
