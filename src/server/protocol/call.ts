/** One call of a tool, apart from its arguments. */
import type { ToolCall } from './signing.ts';

export interface ToolReport {
  /** 0 … 1, never less than before. */
  (fraction: number, message?: string): void;
}

/** What surrounds one call. */
export interface CallContext {
  /** Aborted when the caller cancels or goes away. */
  readonly signal: AbortSignal;
  readonly progress: ToolReport;
  /** Token of the Authorization header, if the transport has one. */
  readonly bearer: string | null;
  /** Where the call comes from, for rate limits: an address, or the name of the transport. */
  readonly origin: string;
  /** Tells the transport that the call is a known client's, and not for its origin to pay. */
  vouch(client: string): void;
  /** The call as it came, which is what a signature covers. */
  readonly received: ToolCall;
  readonly meta: Readonly<Record<string, unknown>>;
}
