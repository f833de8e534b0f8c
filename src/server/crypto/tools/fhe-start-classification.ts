import { z } from 'zod';
import { beginClassification } from '../classification.ts';
import { classificationInput } from './classification-input.ts';
import { define } from './define.ts';
import { localSession, sessionOf } from './session-answer.ts';

export const fheStartClassification = define({
  name: 'fhe_start_classification',
  title: 'Begin to classify a file under encryption',
  description:
    'As fhe_classify_file, but answers at once with the session_id, while the work goes on: for hosts that wait no longer than seconds. Follow it with fhe_session_status; when it is done, fhe_classify_file with the same file and session_id has the answer.',
  input: classificationInput,
  output: localSession.extend({ ok: z.literal(true), client_id: z.string() }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, services) {
    const job = await beginClassification(services, input);
    return { ok: true as const, client_id: job.order.owner, ...sessionOf(job.status) };
  },
});
