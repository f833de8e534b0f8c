/**
 * Work with a client's evaluation keys, as jobs: who orders them and who does them may be in different processes, so jobs are data, and what becomes
 * of them is in the records. A job is done at least once; what was begun by somebody who is gone is begun again, and whoever comes back is told
 * that it is no longer his.
 */
import type { ErrorCode } from '../protocol/error-codes.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { SessionRecord } from './records.ts';

/** Keys that are to be loaded, and thereby checked; a session that is to be evaluated. */
export type JobKind = 'keys' | 'session';

export interface JobName {
  readonly kind: JobKind;
  readonly clientId: string;
  /** Key reference or session id. */
  readonly id: string;
}

export interface Job extends JobName {
  readonly keyRef: string;
  /** SHA-256 of the artifact, hex. */
  readonly artifact: string;
  /** What must be loaded for it; jobs with the same affinity run cheaper one after another. */
  readonly affinity: string;
  /** Forecast of what it takes, in seconds. */
  readonly costSeconds: number;
}

export interface QueuePosition {
  /** Jobs ahead in the whole queue; 0 while it runs. */
  readonly ahead: number;
  readonly running: boolean;
}

export interface JobProgress {
  /** 0 … 1, never less than before. */
  readonly fraction: number;
  readonly message: string;
  /** As `message`, in more detail. */
  readonly activity: string;
}

export interface JobStand {
  readonly position: QueuePosition;
  /** Null before it has begun. */
  readonly progress: JobProgress | null;
}

export interface ProgressListener {
  (progress: JobProgress): void;
}

/** Why a job came to nothing. */
export interface JobFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** How a job ends, and what is written with its end. */
export type JobEnd =
  | { readonly kind: 'session'; readonly record: SessionRecord }
  /** Of keys that are still being provisioned; 'provisioning': what happened says nothing of them. */
  | {
      readonly kind: 'keys';
      readonly state: 'active' | 'rejected' | 'provisioning';
      readonly failure: JobFailure | null;
    };

/** A job in the hands of who does it. */
export interface Claim {
  readonly job: Job;
  /** What is to be evaluated, as it was ordered; null for keys. */
  readonly session: SessionRecord | null;
  /** Tells it from claims of the same job before and after; what is written for it has this in its name. */
  readonly epoch: number;
  /** How often it was begun before by somebody who vanished. */
  readonly losses: number;
  /** Aborted when the job is cancelled, and when it is somebody else's by now. */
  readonly signal: AbortSignal;
  report(progress: JobProgress): void;
  /** False if it was somebody else's by now; nothing is written then. */
  end(end: JobEnd): Promise<boolean>;
  /** Into the queue again, as if it had not been begun. */
  giveBack(): Promise<void>;
}

/** Who asks for work. */
export interface WorkOffer {
  readonly kind: JobKind;
  /** Affinities of what is loaded. */
  readonly warm: () => readonly string[];
}

export interface QueueGauges {
  /** Jobs of sessions. */
  readonly waiting: number;
  readonly running: number;
  /** Of a queue that several workers share: how long the job that waits longest has, and the forecasts of all that wait. */
  readonly oldestReadySeconds?: number;
  readonly readyCostSeconds?: number;
  readonly workers?: number;
}

export interface EvaluationQueue {
  /** @throws ToolError ERROR_BUSY or ERROR_SHUTTING_DOWN */
  requireRoom(clientId: string): Promise<void>;
  /**
   * Nothing happens if it is under way.
   * @param session written with it, as queued
   * @throws ToolError ERROR_BUSY or ERROR_SHUTTING_DOWN; nothing is written then
   */
  order(job: Job, session: SessionRecord | null): Promise<void>;
  /**
   * Resolves when the job is not under way here any more, with why it failed if it is of keys, or `STOPPING`; undefined if it was not under way. If all who wait
   * go away, and nobody detached it, it is cancelled; whoever else goes away hears no more of it.
   */
  wait(
    name: JobName,
    listener: ProgressListener,
    signal: AbortSignal,
  ): Promise<JobFailure | null | undefined>;
  /** It goes on even if nobody waits. */
  detach(name: JobName): Promise<void>;
  /** Takes a waiting job away, or aborts one that runs; false if it is not under way. */
  cancel(name: JobName): Promise<boolean>;
  /** Null if it is not under way. */
  stand(name: JobName): Promise<JobStand | null>;
  /** The next job of a kind; null when `signal` is aborted or the queue was closed. */
  claim(offer: WorkOffer, signal: AbortSignal): Promise<Claim | null>;
  gauges(): Promise<QueueGauges>;
  /** Gives out no more jobs and takes none. */
  close(): Promise<void>;
}

export function jobText({ kind, clientId, id }: JobName): string {
  return `${kind} ${clientId} ${id}`;
}

/** What whoever waits hears when the server that he asked ends before the job. */
export const STOPPING: JobFailure = {
  code: 'ERROR_SHUTTING_DOWN',
  message: 'the server is stopping; what was ordered is done nevertheless',
};

const RETRY_MS = 2000;

/** @param all of all clients together; else of the one that orders */
export function queueFull(all: boolean): ToolError {
  const whose = all ? 'the server has' : 'this client has';
  return new ToolError('ERROR_BUSY', `${whose} as many evaluations waiting as it may`, {
    retryAfterMs: RETRY_MS,
  });
}
