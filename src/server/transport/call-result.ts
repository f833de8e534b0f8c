/** What a call comes to, as `tools/call` answers it: the answer or the failure, as text and as structure, signed. */
import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { isRetryable, ToolError } from '../protocol/error-codes.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import type { ToolCall } from '../protocol/signing.ts';
import type { Failure } from '../protocol/tool.ts';
import { toToolError } from '../protocol/translate-error.ts';
import type { ToolHost } from './tool-host.ts';

type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

/** What is sent is what JSON says of it. */
export function asJson(value: object): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** The answer of `work` to the request `received`, or what it throws; a task's answer is one to the request that fetches it. */
export async function resultOf<Services>(
  host: ToolHost<Services>,
  received: ToolCall,
  context: ServerContext,
  work: () => Promise<object>,
): Promise<CallToolResult> {
  let answer: object;
  let isError = false;
  let unsigned = false;
  try {
    answer = await settling(host, work());
  } catch (thrown) {
    const error = toToolError(thrown);
    host.onError?.(received.tool, error);
    answer = failureOf(error);
    isError = true;
    // It is to cost nothing.
    unsigned = error.code === 'ERROR_RATE_LIMITED';
  }
  const structuredContent = asJson(answer);
  return {
    content: [{ type: 'text', text: JSON.stringify(structuredContent) }],
    structuredContent,
    isError,
    ...(unsigned ? {} : signedMeta(host, structuredContent, received, context)),
  };
}

/** What is refused is settled, too. @throws what the work throws, or else why it cannot be settled */
export async function settling<Services, T>(host: ToolHost<Services>, work: Promise<T>): Promise<T> {
  await work.catch(() => undefined);
  await host.settled?.();
  return work;
}

/** `_meta` with the signature over something that answers a request. */
export function signedMeta<Services>(
  host: ToolHost<Services>,
  facts: JsonObject,
  received: ToolCall,
  { mcpReq }: ServerContext,
): { _meta?: Record<string, unknown> } {
  const signature = signatureOf(host, facts, received, mcpReq._meta ?? {});
  return signature === undefined ? {} : { _meta: { [SIGNATURE_META]: signature } };
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
