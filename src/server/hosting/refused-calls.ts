/** What an operator hears of calls that were refused: how many by code, and of bugs where they are, without values. */
import type { ToolError } from '../protocol/error-codes.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface Observers {
  readonly metrics: Metrics;
  readonly log: Log;
}

export function noteRefusal({ metrics, log }: Observers, tool: string, error: ToolError): void {
  metrics.add('errors_total', 1, ['code', error.code]);
  const bug = error.code === 'ERROR_INTERNAL' && error.cause instanceof Error ? error.cause.stack : undefined;
  log(bug === undefined ? 'warn' : 'error', 'call refused', {
    tool,
    code: error.code,
    ...(bug === undefined ? {} : { detail: bug }),
  });
}

/** A failure that belongs to no call. */
export function noteTransport({ log }: Observers, error: unknown): void {
  log('warn', 'transport', { detail: error instanceof Error ? error.message.slice(0, 300) : '' });
}
