/** The order of evaluations behind one interface: the embedded queue is in this process, another may be a service. */

export interface EvaluationJob {
  readonly clientId: string;
  readonly sessionId: string;
  /** What must be loaded for it; jobs with the same affinity run cheaper one after another. */
  readonly affinity: string;
}

export interface JobRun {
  readonly signal: AbortSignal;
}

export interface QueuePosition {
  /** Jobs ahead in the whole queue; 0 while it runs. */
  readonly ahead: number;
  readonly running: boolean;
}

export interface EvaluationQueue {
  /** @throws ToolError ERROR_BUSY or ERROR_SHUTTING_DOWN */
  requireRoom(clientId: string): void;
  /** Runs the job when its turn comes; settles with the runner's result, or as `requireRoom` at once. */
  submit<T>(job: EvaluationJob, run: (run: JobRun) => Promise<T>): Promise<T>;
  /** Removes a waiting job or aborts a running one; false if there is none. */
  cancel(clientId: string, sessionId: string): boolean;
  position(clientId: string, sessionId: string): QueuePosition | null;
  readonly depth: number;
  readonly running: number;
  /** Takes no more jobs and aborts those that wait; resolves when those that run have ended. */
  close(graceMs: number): Promise<void>;
}
