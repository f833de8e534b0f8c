/** What is served: tools with what they work with, and who hears of their calls. */
import type { ToolError } from '../protocol/error-codes.ts';
import type { ToolCall } from '../protocol/signing.ts';
import type { TaskStore } from '../protocol/task.ts';
import type { AnyTool, CallContext } from '../protocol/tool.ts';
import type { DocumentLibrary } from './documents.ts';

export interface ToolHost<Services> {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly instructions: string;
  readonly tools: readonly AnyTool<Services>[];
  readonly services: Services;
  /** Where calls of tools that `begin` become tasks. */
  readonly tasks?: TaskStore;
  /** Declared under the extension's name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What may be read besides. */
  readonly documents?: DocumentLibrary;
  /** Where calls come from if the transport does not say. */
  readonly origin: string;
  /**
   * Counts a call against whoever makes it, before its arguments are looked at in detail; not signed, since that would cost more.
   * @throws ToolError ERROR_RATE_LIMITED
   */
  admit?(call: CallContext): Promise<void>;
  /** Resolves when what calls rely on is durable: nothing is answered before, so that no answered request is taken a second time. */
  settled?(): Promise<void>;
  sign?(result: unknown, call: ToolCall, nonce: string | null): object;
  onCall?(tool: string): void;
  onError?(tool: string, error: ToolError): void;
}
