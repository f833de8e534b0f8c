/** One request of the SDK as tools see it: who asks, whether they are still there, and how they hear of progress. */
import type { ServerContext } from '@modelcontextprotocol/server';
import type { ToolCall } from '../protocol/signing.ts';
import type { CallContext, ToolReport } from '../protocol/tool.ts';

/** @param origin where calls come from if the transport does not say */
export function callContext(
  { mcpReq, http }: ServerContext,
  received: ToolCall,
  origin: string,
  progress: ToolReport,
): CallContext {
  const authInfo = http?.authInfo;
  const { address, vouch } = authInfo?.extra ?? {};
  return {
    signal: mcpReq.signal,
    progress,
    bearer: authInfo?.token === undefined || authInfo.token === '' ? null : authInfo.token,
    origin: typeof address === 'string' ? address : origin,
    vouch: (client) => (vouch as CallContext['vouch'] | undefined)?.(client),
    received,
    meta: mcpReq._meta ?? {},
  };
}

/** Clients give up after a minute without a sign of life. */
const SIGN_OF_LIFE_MS = 10_000;
/** Progress must grow with every notification, and a sign of life is not much of it. */
const SIGN_OF_LIFE_STEP = 0.001;

export interface ProgressNotifier extends Disposable {
  readonly report: ToolReport;
}

/** In steps of a hundredth, so that progress does not outweigh the work; now and then without one, while a call waits. */
export function progressNotifier({ mcpReq: { _meta, notify, signal } }: ServerContext): ProgressNotifier {
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
