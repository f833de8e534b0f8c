/** Limits of a server for others, whatever it serves, with their defaults. */

export interface HostingLimits {
  /** Largest decoded chunk. */
  readonly maxChunkBytes: number;
  /** Chunks of all clients together. */
  readonly storedBytes: number;
  /** Of the disk, what is never taken for chunks: records, results and discards need it. Of a small disk a tenth. */
  readonly reservedBytes: number;
  /** Of what can be stored, the most that one client may have; 0 … 1. */
  readonly clientShare: number;
  readonly clients: number;
  /** Tool calls: sustained rate and burst, per client; callers without a token share one for each address. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** HTTP requests of one address that show no token and turn out to be no client's call: rate and burst. */
  readonly strangerRequestsPerSecond: number;
  readonly strangerRequestBurst: number;
  /** Bodies of such requests, as largest bodies: rate and burst. */
  readonly strangerBodiesPerSecond: number;
  readonly strangerBodyBurst: number;
  /** Bodies of one client, in bytes: what it sends again and again is looked at each time, whatever its quotas say. */
  readonly clientBytesPerSecond: number;
  readonly clientByteBurst: number;
  /** Bodies that are held at once, as largest bodies; and of one client or address. */
  readonly bodiesInFlight: number;
  readonly bodiesInFlightPerCaller: number;
  /** Open connections; and of one address that is no proxy's. */
  readonly connections: number;
  readonly connectionsPerOrigin: number;
  /** Of the older revisions of MCP, whose clients open one each; and of one client or address. */
  readonly mcpSessions: number;
  readonly mcpSessionsPerCaller: number;
  readonly tokenLifetimeMs: number;
  readonly enrolmentCodeLifetimeMs: number;
  /** Timestamps may be off by so much to either side; nonces are kept twice as long. */
  readonly clockSkewMs: number;
  readonly shutdownGraceMs: number;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const MIB = 2 ** 20;

export const HOSTING_LIMITS: HostingLimits = {
  maxChunkBytes: 8 * MIB,
  storedBytes: Number.MAX_SAFE_INTEGER,
  reservedBytes: 256 * MIB,
  clientShare: 0.5,
  clients: 10_000,
  requestsPerSecond: 50,
  requestBurst: 200,
  strangerRequestsPerSecond: 20,
  strangerRequestBurst: 200,
  strangerBodiesPerSecond: 2,
  strangerBodyBurst: 8,
  clientBytesPerSecond: 64 * MIB,
  clientByteBurst: 1024 * MIB,
  bodiesInFlight: 24,
  bodiesInFlightPerCaller: 6,
  connections: 1024,
  connectionsPerOrigin: 256,
  mcpSessions: 2048,
  mcpSessionsPerCaller: 128,
  tokenLifetimeMs: 365 * DAY,
  enrolmentCodeLifetimeMs: DAY,
  clockSkewMs: 2 * MINUTE,
  shutdownGraceMs: 10_000,
};

export interface EnrolmentPolicy {
  /** Anyone may enrol without a code: for a server that only its own machine reaches. */
  readonly open: boolean;
  /** Clients without a key may call unsigned; otherwise enrolling takes a key. */
  readonly unsigned: boolean;
  /** Certificates, PEM, that vouch for clients: a chain that ends here needs no code. */
  readonly authorities: readonly string[];
  /** Names that are enrolled by a code, or a certificate, for that very name alone. */
  readonly reserved?: readonly string[];
}
