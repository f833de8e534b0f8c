/**
 * Tools as an MCP server, the same for every transport and for both revisions: lists them, checks arguments, runs them, turns
 * what they throw into results with an error code, and signs what goes out.
 */
import type { CallToolResult, McpRequestContext, ServerContext } from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode, Server } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isRetryable, ToolError } from '../protocol/error-codes.ts';
import { EXTENSION, SIGNATURE_META } from '../protocol/extension.ts';
import type { ToolCall } from '../protocol/signing.ts';
import type { AnyTool, CallContext, Failure, ToolReport } from '../protocol/tool.ts';
import { inputSchemaOf, outputSchemaOf } from '../protocol/tool.ts';
import { toToolError } from '../protocol/translate-error.ts';
import { documentCapabilities, serveDocuments, type DocumentLibrary } from './documents.ts';

export interface ToolHost<Services> {
  readonly name: string;
  readonly title: string;
  readonly version: string;
  readonly instructions: string;
  readonly tools: readonly AnyTool<Services>[];
  readonly services: Services;
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
  admit?(call: CallContext): void;
  sign?(result: unknown, call: ToolCall, nonce: string | null): object;
  onCall?(tool: string): void;
  onError?(tool: string, error: ToolError): void;
}

type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
type JsonObject = { [key: string]: JsonValue };

/** What is sent is what JSON says of it. */
function asJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** Schemas are converted once; each connection, or each request of the stateless revision, gets a server of its own. */
export function toolServerFactory<Services>(
  host: ToolHost<Services>,
): (context?: McpRequestContext) => Server {
  const byName = new Map(host.tools.map((tool) => [tool.name, tool]));
  const listed = host.tools.map((tool) => ({
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: inputSchemaOf(tool),
    outputSchema: outputSchemaOf(tool),
    annotations: { ...tool.annotations, openWorldHint: false },
  }));
  const settings = asJson(host.settings);
  return () => {
    const server = new Server(
      { name: host.name, title: host.title, version: host.version },
      {
        capabilities: {
          tools: {},
          ...(host.documents === undefined ? {} : documentCapabilities(host.documents)),
          extensions: { [EXTENSION]: settings },
          experimental: { [EXTENSION]: settings },
        },
        instructions: host.instructions,
      },
    );
    if (host.documents !== undefined) {
      serveDocuments(server, host.documents, (context) =>
        host.admit?.(
          callContext(host, { tool: context.mcpReq.method, arguments: {} }, context, {}, () => undefined),
        ),
      );
    }
    server.setRequestHandler('tools/list', () => ({ tools: listed }));
    server.setRequestHandler('tools/call', async ({ params }, context) => {
      const tool = byName.get(params.name);
      if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown tool');
      return callTool(host, tool, { tool: params.name, arguments: params.arguments ?? {} }, context);
    });
    return server;
  };
}

async function callTool<Services>(
  host: ToolHost<Services>,
  tool: AnyTool<Services>,
  received: ToolCall,
  context: ServerContext,
): Promise<CallToolResult> {
  host.onCall?.(tool.name);
  const meta: Readonly<Record<string, unknown>> = context.mcpReq._meta ?? {};
  let answer: object;
  let isError = false;
  let admitted = false;
  try {
    using notifier = progressNotifier(context.mcpReq);
    const call = callContext(host, received, context, meta, notifier.report);
    host.admit?.(call);
    admitted = true;
    answer = await tool.run(parseArguments(tool, received.arguments), host.services, call);
  } catch (thrown) {
    const error = toToolError(thrown);
    host.onError?.(tool.name, error);
    answer = failureOf(error);
    isError = true;
  }
  const structuredContent = asJson(answer);
  const signature = admitted ? signatureOf(host, structuredContent, received, meta) : undefined;
  return {
    content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    structuredContent,
    isError,
    ...(signature === undefined ? {} : { _meta: { [SIGNATURE_META]: signature } }),
  };
}

/** What has no canonical form is answered too, but unsigned: no signature could say what it is an answer to. */
function signatureOf<Services>(
  host: ToolHost<Services>,
  result: JsonObject,
  received: ToolCall,
  meta: Readonly<Record<string, unknown>>,
): object | undefined {
  try {
    return host.sign?.(result, received, nonceOf(meta));
  } catch (error) {
    if (error instanceof ToolError && error.code === 'ERROR_INVALID_ARGUMENT') return undefined;
    throw error;
  }
}

/** @throws ToolError ERROR_INVALID_ARGUMENT, naming the argument and not its value */
function parseArguments<Services>(tool: AnyTool<Services>, given: unknown): unknown {
  const parsed = tool.input.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where =
    issue === undefined || issue.path.length === 0 ? 'the arguments' : issue.path.join('.').slice(0, 100);
  const what = issue === undefined ? 'do not match' : describeIssue(issue);
  throw new ToolError('ERROR_INVALID_ARGUMENT', `${where}: ${what}`);
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `unknown ${issue.keys.slice(0, 5).join(', ').slice(0, 100)}`;
  return issue.message.slice(0, 200);
}

function callContext<Services>(
  host: ToolHost<Services>,
  received: ToolCall,
  context: ServerContext,
  meta: Readonly<Record<string, unknown>>,
  progress: ToolReport,
): CallContext {
  const { mcpReq, http } = context;
  const authInfo = http?.authInfo;
  const { address, vouch } = authInfo?.extra ?? {};
  return {
    signal: mcpReq.signal,
    progress,
    bearer: authInfo?.token === undefined || authInfo.token === '' ? null : authInfo.token,
    origin: typeof address === 'string' ? address : host.origin,
    vouch: () => (vouch as (() => void) | undefined)?.(),
    received,
    meta,
  };
}

/** Clients give up after a minute without a sign of life. */
const SIGN_OF_LIFE_MS = 10_000;
/** Progress must grow with every notification, and a sign of life is not much of it. */
const SIGN_OF_LIFE_STEP = 0.001;

interface ProgressNotifier extends Disposable {
  readonly report: ToolReport;
}

/** In steps of a hundredth, so that progress does not outweigh the work; now and then without one, while a call waits. */
function progressNotifier({ _meta, notify, signal }: ServerContext['mcpReq']): ProgressNotifier {
  const progressToken = _meta?.progressToken;
  if (progressToken === undefined) return { report: () => undefined, [Symbol.dispose]: () => undefined };
  // What a call says before its work begins is heard too.
  let last = -1;
  const send = (progress: number, message: string | undefined): void => {
    last = progress;
    if (signal.aborted) return;
    const params = { progressToken, progress, total: 100, ...(message === undefined ? {} : { message }) };
    // A caller that is gone does not need it.
    notify({ method: 'notifications/progress', params }).catch(() => undefined);
  };
  const timer = setInterval(() => send(last + SIGN_OF_LIFE_STEP, undefined), SIGN_OF_LIFE_MS);
  return {
    report: (fraction, message) => {
      const progress = Math.floor(100 * fraction);
      if (progress > last) send(progress, message);
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function failureOf(error: ToolError): Failure {
  return {
    ok: false,
    error_code: error.code,
    message: error.message,
    ...(error.remoteMessage === undefined ? {} : { remote_message: error.remoteMessage }),
    hint: error.hint ?? '',
    retryable: isRetryable(error.code),
    ...(error.retryAfterMs === undefined ? {} : { retry_after_ms: error.retryAfterMs }),
    noise_budget_remaining: null,
    computation_depth_used: 0,
    output_shape: null,
    requires_decryption: false,
  };
}

function nonceOf(meta: Readonly<Record<string, unknown>>): string | null {
  const field = meta[SIGNATURE_META];
  if (typeof field !== 'object' || field === null || !('nonce' in field)) return null;
  return typeof field.nonce === 'string' ? field.nonce : null;
}
