import { z } from 'zod';
import { sessionAnswer } from '../../protocol/answers.ts';
import { authToken, clientId, sessionId } from '../../protocol/identifiers.ts';
import { define, isoTime } from './define.ts';

export const getSessionStatus = define({
  name: 'get_session_status',
  title: 'Get the status of a session',
  description: 'Which chunks have arrived and which are missing, and how far the evaluation is.',
  input: z.strictObject({ client_id: clientId, session_id: sessionId, auth_token: authToken.optional() }),
  output: sessionAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, sessions }, call) {
    await authentication.authenticate(input, call);
    const { record, files, stand } = await sessions.status(input.client_id, input.session_id);
    return {
      ok: true as const,
      session_id: record.sessionId,
      status: record.state,
      error_code: record.outcome !== null && !record.outcome.ok ? record.outcome.errorCode : null,
      files,
      progress: record.state === 'done' ? 1 : (stand?.progress?.fraction ?? 0),
      queue_ahead: stand?.position.ahead ?? null,
      model: record.model,
      key_ref: record.keyRef,
      created_at: isoTime(record.createdAt),
      expires_at: isoTime(record.expiresAt),
      requires_decryption: false as const,
    };
  },
});
