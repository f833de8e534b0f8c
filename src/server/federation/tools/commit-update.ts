import { z } from 'zod';
import { ToolError } from '../../protocol/error-codes.ts';
import { roundNumber } from '../../protocol/federation-messages.ts';
import { sha256 } from '../../protocol/identifiers.ts';
import { credentials, define, done } from './define.ts';

export const commitUpdate = define({
  name: 'commit_update',
  title: 'Commit an update',
  description:
    'All chunks have been sent: whoever commits a masked or encrypted update in time is among the survivors. For the decryptor: the opened sum.',
  input: z.strictObject({ ...credentials, round: roundNumber, sha256, bytes: z.int().min(4) }),
  output: done,
  annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
  async run(input, { authentication, rounds, uploads }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    const expected = rounds.find(input.round).machine.uploadBytes(clientId);
    if (input.bytes !== expected)
      throw new ToolError('ERROR_INVALID_UPDATE', `an update has ${expected} bytes here`);
    await uploads.requireSize(clientId, input.round, expected);
    const read = uploads.reader(input.round);
    await rounds.say(input.round, clientId, (round) => round.commit(clientId, input.sha256, read));
    return { ok: true as const };
  },
});
