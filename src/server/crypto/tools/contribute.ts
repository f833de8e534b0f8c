import { z } from 'zod';
import { clientId } from '../../protocol/identifiers.ts';
import { define } from './define.ts';
import { federationServer, updateId } from './federation-input.ts';
import { localSession, sessionOf } from './session-answer.ts';

const NAME = 'contribute';

export const contribute = define({
  name: NAME,
  title: 'Contribute an update to a round',
  description:
    'Takes part in the federation’s open round with a prepared update: clips it, adds noise, masks or encrypts it, sends it and helps to open the sum. Refused before anything is sent if the terms are weaker than this participant’s floor or the privacy budget would be exceeded. Answers at once while the work goes on, also over restarts; call again for how far it is, or with wait for what came of it.',
  input: z.strictObject({
    server: federationServer.optional(),
    client_id: clientId.optional(),
    update_id: updateId,
    wait: z.boolean().optional().describe('Until the round is over, which may take hours'),
  }),
  output: localSession.extend({
    ok: z.literal(true),
    client_id: z.string(),
    outcome: z
      .enum(['summed', 'dropped-out', 'aborted'])
      .nullable()
      .describe('Null while it goes on. Whatever it is, what was debited stays spent'),
    new_version: z.int().nullable().describe('Global model that came of the round'),
    survivors: z.array(z.string()),
    anomalies: z.array(z.string()),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run({ server, client_id, update_id, wait }, { federation }, call) {
    const job = await federation.contribute(update_id, server, client_id);
    const result =
      wait === true || job.status.state !== 'running' ? await job.wait(call.signal, call.progress) : null;
    return {
      ok: true as const,
      client_id: job.order.owner,
      ...sessionOf(job.status),
      outcome: result?.outcome ?? null,
      new_version: result?.status.new_version ?? null,
      survivors: result?.status.survivors ?? [],
      anomalies: result?.status.anomalies ?? [],
    };
  },
  begin: (input, { tasks }, _call, ttlMs) => tasks.begin(NAME, { ...input, wait: true }, ttlMs),
});
