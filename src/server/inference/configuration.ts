/** Every limit of the remote server with its default, in one place. */
import type { EnrolmentPolicy, HostingLimits } from '../hosting/limits.ts';
import { HOSTING_LIMITS } from '../hosting/limits.ts';

export interface ServerLimits extends HostingLimits {
  /** A result up to this size travels in the answer; a larger one is fetched in chunks. */
  readonly maxInlineResultBytes: number;
  readonly sessionsPerClient: number;
  /** Chunks of sessions that are kept for one client, all together. */
  readonly sessionBytesPerClient: number;
  readonly keySetsPerClient: number;
  readonly keyBytesPerClient: number;
  /** Those that were revoked and are not to come back, too; of keys that are changed daily, more than are within their time. */
  readonly keyRecordsPerClient: number;
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
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MIB = 2 ** 20;

export const DEFAULT_LIMITS: ServerLimits = {
  ...HOSTING_LIMITS,
  maxInlineResultBytes: 4 * MIB,
  sessionsPerClient: 1024,
  sessionBytesPerClient: 4096 * MIB,
  keySetsPerClient: 8,
  keyBytesPerClient: 16_384 * MIB,
  keyRecordsPerClient: 256,
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
};

export interface ServerConfiguration {
  /** Folder of database, blobs and the server's own signing key. */
  readonly stateFolder: string;
  readonly limits: ServerLimits;
  readonly enrolment: EnrolmentPolicy;
  /** Worker threads of one evaluation, unless the caller hints at fewer. */
  readonly threads: number;
}
