import { z } from 'zod';
import { auditorsOf } from '../../../federation/encrypted-sum/accept-contributions.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { ciphertextsAnswer, participantName, roundNumber } from '../../protocol/federation-messages.ts';
import { chunkIndex } from '../../protocol/identifiers.ts';
import { encryptedOf } from '../encrypted-round.ts';
import { credentials, define } from './define.ts';

export const getCiphertexts = define({
  name: 'get_ciphertexts',
  title: 'Get ciphertexts to add up again, or their sum',
  description:
    'In chunks: for the decryptor and survivors the encrypted sum; for auditors, the survivors who were drawn to add up again, also what one survivor has uploaded. Nobody else gets any.',
  input: z.strictObject({
    ...credentials,
    round: roundNumber,
    participant: participantName.optional().describe('Default: the sum'),
    chunk_index: chunkIndex.default(0),
  }),
  output: ciphertextsAnswer,
  annotations: { readOnlyHint: true, idempotentHint: true },
  async run(input, { authentication, rounds, uploads, sums, federation, configuration }, call) {
    const { clientId } = await authentication.authenticate(input, call);
    const { machine, terms } = rounds.find(input.round);
    const { list, stage } = encryptedOf(machine);
    if (list === null) throw new ToolError('ERROR_ROUND_STAGE', `the round is ${stage}: there is no sum yet`);
    const { participant } = input;
    // Single ones for who adds up again: the decryptor could open them.
    const isAllowed =
      participant === undefined
        ? clientId === federation.policy.decryptor || list.survivors.includes(clientId)
        : auditorsOf(list, terms).has(clientId);
    if (!isAllowed) throw new ToolError('ERROR_NOT_IN_ROUND', 'these ciphertexts are not for this client');
    if (participant !== undefined && !list.survivors.includes(participant))
      throw new ToolError('ERROR_NOT_IN_ROUND', `${participant} is not in the sum`);
    const bytes = machine.uploadBytes(list.survivors[0]!);
    const size = configuration.limits.maxChunkBytes;
    const total = Math.ceil(bytes / size);
    if (input.chunk_index >= total)
      throw new ToolError('ERROR_INVALID_ARGUMENT', `there are ${total} chunks`);
    const start = input.chunk_index * size;
    const length = Math.min(size, bytes - start);
    const chunk =
      participant === undefined
        ? await sums.read(input.round, start, length)
        : await uploads.reader(input.round)(participant, start, length);
    return {
      ok: true as const,
      ...{ bytes, chunk_index: input.chunk_index, total_chunks: total },
      chunk_b64: Buffer.from(chunk).toString('base64'),
    };
  },
});
