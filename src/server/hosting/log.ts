/** Structured logs: one JSON object a line, of fields that are listed here and nowhere else, so that no secret slips in. */

export interface LogFields {
  readonly client?: string;
  readonly session?: string;
  readonly model?: string;
  readonly tool?: string;
  readonly key?: string;
  readonly code?: string;
  readonly bytes?: number;
  readonly ms?: number;
  readonly count?: number;
  readonly address?: string;
  /** Of errors that are bugs: where it happened, without values. */
  readonly detail?: string;
}

export type LogLevel = 'info' | 'warn' | 'error';

export interface Log {
  (level: LogLevel, event: string, fields?: LogFields): void;
}

/** To stderr: stdout may be a transport. */
export function jsonLog(write: (line: string) => void, now: () => Date = () => new Date()): Log {
  return (level, event, fields = {}) => {
    write(`${JSON.stringify({ time: now().toISOString(), level, event, ...fields })}\n`);
  };
}

export const SILENT_LOG: Log = () => undefined;
