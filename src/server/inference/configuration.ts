/** Every limit of the remote server with its default, in one place. */

export interface ServerLimits {
  /** Largest decoded chunk. */
  readonly maxChunkBytes: number;
  /** A result up to this size travels in the answer; a larger one is fetched in chunks. */
  readonly maxInlineResultBytes: number;
  readonly sessionsPerClient: number;
  /** Chunks of sessions that are kept for one client, all together. */
  readonly sessionBytesPerClient: number;
  readonly keySetsPerClient: number;
  readonly keyBytesPerClient: number;
  /** Those that were revoked and are not to come back, too; of keys that are changed daily, more than are within their time. */
  readonly keyRecordsPerClient: number;
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
  readonly queueCapacity: number;
  readonly queueCapacityPerClient: number;
  readonly evaluationsAtOnce: number;
  readonly evaluationsAtOncePerClient: number;
  /** Evaluations in a row for one client while others wait. */
  readonly queueQuantum: number;
  /** More than that, as long as the turn is younger: short evaluations are to outweigh the loading of keys. */
  readonly queueQuantumMs: number;
  /** All evaluation processes together. */
  readonly maxMemoryBytes: number;
  readonly evaluationTimeoutMs: number;
  readonly sessionLifetimeMs: number;
  readonly keyLifetimeMs: number;
  readonly tokenLifetimeMs: number;
  readonly enrolmentCodeLifetimeMs: number;
  /** Timestamps may be off by so much to either side; nonces are kept twice as long. */
  readonly clockSkewMs: number;
  readonly shutdownGraceMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MIB = 2 ** 20;

export const DEFAULT_LIMITS: ServerLimits = {
  maxChunkBytes: 8 * MIB,
  maxInlineResultBytes: 4 * MIB,
  sessionsPerClient: 1024,
  sessionBytesPerClient: 4096 * MIB,
  keySetsPerClient: 8,
  keyBytesPerClient: 16_384 * MIB,
  keyRecordsPerClient: 256,
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
  queueCapacity: 256,
  queueCapacityPerClient: 32,
  evaluationsAtOnce: 1,
  evaluationsAtOncePerClient: 1,
  queueQuantum: 4,
  queueQuantumMs: 2000,
  maxMemoryBytes: 8192 * MIB,
  evaluationTimeoutMs: HOUR,
  sessionLifetimeMs: DAY,
  keyLifetimeMs: 30 * DAY,
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
}

export interface ServerConfiguration {
  /** Folder of database, blobs and the server's own signing key. */
  readonly stateFolder: string;
  readonly limits: ServerLimits;
  readonly enrolment: EnrolmentPolicy;
  /** Worker threads of one evaluation, unless the caller hints at fewer. */
  readonly threads: number;
}
