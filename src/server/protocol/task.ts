/**
 * Calls that go on without whoever made them, apart from their form on the wire: MCP has two, one in revision 2025-11-25 and one
 * as an extension of 2026-07-28. A task is a record that a server keeps anyway; its id names that record.
 */
import type { CallContext, ToolReport } from './call.ts';

export interface Task {
  /** Nobody can guess it. */
  readonly taskId: string;
  /** `failed`: the call was answered with an error. */
  readonly status: 'working' | 'completed' | 'failed' | 'cancelled';
  /** What it waits for or does now, or what came of it; for people. */
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** From then on it is unknown, and its answer may be deleted. */
  readonly expiresAt: number;
}

/** A task in the hands of someone who may have it. */
export interface TaskHandle {
  readonly task: Task;
  /**
   * Waits for the end; whoever stops waiting leaves the work as it is.
   * @returns what the call would have been answered with
   * @throws ToolError what the call would have failed with; ERROR_SHUTTING_DOWN if it goes on after a restart
   */
  answer(report: ToolReport, signal: AbortSignal): Promise<object>;
  /** The task as it is then: cancelled, or as it had ended before. */
  cancel(): Promise<Task>;
}

export interface TaskStore {
  /** Whether whoever asks for a list can be known: there is none to be had otherwise. */
  readonly lists: boolean;
  /** @throws ToolError ERROR_UNKNOWN_SESSION: not there, over, or somebody else's; those of authentication */
  find(taskId: string, call: CallContext): Promise<TaskHandle>;
  /**
   * Of whoever asks, the oldest first, and no more than `most`: with many, what others have is not looked at.
   * @param after the last task of the page before, which may be gone; null: from the first on
   * @throws ToolError ERROR_INVALID_ARGUMENT if that is no task of theirs; those of authentication
   */
  list(call: CallContext, after: string | null, most: number): Promise<TaskPage>;
}

export interface TaskPage {
  readonly tasks: readonly Task[];
  /** Whether there are others behind them. */
  readonly more: boolean;
}

const LEAST_TTL_MS = 60_000;

/** How long a task is kept, in whole ms: as asked for, but a minute at least, so that its answer can be fetched, and `most` at most. */
export function taskLifetimeMs(asked: number | undefined, most: number, otherwise = most): number {
  return Math.floor(Math.min(Math.max(asked ?? otherwise, LEAST_TTL_MS), most));
}
