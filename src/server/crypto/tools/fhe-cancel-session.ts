import { z } from 'zod';
import { clientId, sessionId } from '../../protocol/identifiers.ts';
import { define } from './define.ts';

export const fheCancelSession = define({
  name: 'fhe_cancel_session',
  title: 'Cancel a session',
  description:
    'Stops a classification that is at work, here and at the server. Its ciphertexts stay, so that the same session_id goes on with them.',
  input: z.strictObject({ client_id: clientId.optional(), session_id: sessionId }),
  output: z.object({
    ok: z.literal(true),
    client_id: z.string(),
    session_id: z.string(),
    stopped: z.boolean().describe('False where no such session was at work'),
  }),
  annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
  async run({ client_id, session_id }, { jobs, defaultClientId }) {
    const owner = client_id ?? defaultClientId;
    const job = jobs.get(owner, session_id);
    job?.stop();
    await job?.settled;
    return { ok: true as const, client_id: owner, session_id, stopped: job !== null };
  },
});
