import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { clientId, sessionId } from '../../protocol/identifiers.ts';
import { define } from './define.ts';
import { localSession, sessionOf } from './session-answer.ts';

export const fheSessionStatus = define({
  name: 'fhe_session_status',
  title: 'How far sessions are',
  description:
    'Classifications that are at work on this machine, or have ended without anyone to take the answer: how far, and what they do now.',
  input: z.strictObject({
    client_id: clientId.optional(),
    session_id: sessionId.optional().describe('One of them; default: all'),
  }),
  output: z.object({ ok: z.literal(true), client_id: z.string(), sessions: z.array(localSession) }),
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run({ client_id, session_id }, { jobs, defaultClientId }) {
    const owner = client_id ?? defaultClientId;
    const all = jobs.list(owner).filter(({ session }) => session_id === undefined || session === session_id);
    if (session_id !== undefined && all.length === 0)
      throw new ToolError('ERROR_UNKNOWN_SESSION', 'no session of this name is at work');
    return { ok: true as const, client_id: owner, sessions: all.map(sessionOf) };
  },
});
