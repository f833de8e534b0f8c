import { z } from 'zod';
import { authToken, clientId, sessionId } from '../../protocol/identifiers.ts';
import { define } from './define.ts';

export const cancelInference = define({
  name: 'cancel_inference',
  title: 'Cancel an evaluation',
  description:
    'Ends the evaluation of a session, waiting or running; its inputs stay, so that it can be started anew. With discard everything of the session is deleted.',
  input: z.strictObject({
    client_id: clientId,
    session_id: sessionId,
    auth_token: authToken.optional(),
    discard: z.boolean().optional(),
  }),
  output: z.object({
    ok: z.literal(true),
    session_id: z.string(),
    status: z.enum(['staging', 'queued', 'running', 'done', 'failed', 'cancelled', 'discarded']),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  async run(input, { authentication, sessions }, call) {
    await authentication.authenticate(input, call);
    const record = await sessions.cancel(input.client_id, input.session_id);
    if (input.discard === true) await sessions.remove(record);
    return {
      ok: true as const,
      session_id: record.sessionId,
      status: input.discard === true ? ('discarded' as const) : record.state,
    };
  },
});
