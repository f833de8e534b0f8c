import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundNumber } from '../../protocol/federation-messages.ts';
import { sha256 } from '../../protocol/identifiers.ts';
import { credentials, define, done } from './define.ts';

export const commitUpdate = define({
  name: 'commit_update',
  title: 'Commit a masked update',
  description: 'All chunks have been sent: whoever commits in time is among the survivors.',
  input: z.strictObject({ ...credentials, round: roundNumber, sha256, bytes: z.int().min(4) }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds, updates }, call) {
    const { clientId } = authentication.authenticate(input, call);
    const { terms } = rounds.find(input.round);
    if (input.bytes !== 4 * terms.form.length)
      throw new ToolError('ERROR_INVALID_UPDATE', `a masked update has ${4 * terms.form.length} bytes here`);
    await rounds.say(input.round, clientId, (aggregator) =>
      aggregator.addVector(clientId, input.sha256, updates.blocks(clientId, input.round)),
    );
    return { ok: true as const };
  },
});
