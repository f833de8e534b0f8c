/** Every message of an aggregator in a good form, for damage to be done to. */
import { sign } from 'node:crypto';
import { contribute } from '../../federation/encrypted-sum/contribution.ts';
import { signAdmission, signSumKey } from '../../federation/encrypted-sum/sum-messages.ts';
import { systemBytes } from '../../federation/privacy/random-integers.ts';
import type { RoundTerms } from '../../federation/round-terms.ts';
import type { Identity } from '../../federation/secure-aggregation/messages.ts';
import { SecureParticipant } from '../../federation/secure-aggregation/participant.ts';
import { FEDERATION_TOOLS } from '../federation/tools/registry.ts';
import { SIGNATURE_META } from '../protocol/extension.ts';
import { sha256Of } from '../protocol/identifiers.ts';
import { DECRYPTOR, OWNER } from './federation-policy.ts';
import type { Connection } from './mcp-clients.ts';
import type { Message } from './mutation-campaign.ts';
import { everyToolOnce, MESSAGE_KINDS, signOrNot } from './mutation-messages.ts';
import type { Answer } from './protocol-client.ts';
import { ProtocolClient } from './protocol-client.ts';

/**
 * @param ownersCode enrols the owner
 * @param decryptorsCode enrols the decryptor
 * @returns messages, and a client that has done nothing damaged
 */
export async function federationMessages(
  connection: Connection,
  ownersCode: string,
  decryptorsCode: string,
): Promise<{ readonly messages: readonly Message[]; readonly good: ProtocolClient }> {
  const client = (name: string): ProtocolClient =>
    new ProtocolClient(name, connection.call, connection.capabilities);
  const [attacker, owner, good] = [client('attacker'), client(OWNER), client('good')];
  const decryptor = client(DECRYPTOR);
  await owner.enrol(ownersCode);
  await decryptor.enrol(decryptorsCode);
  for (const each of [attacker, good]) await each.enrol();
  const described: Answer = await good.call('describe_federation', {});
  const identityOf = ({ privateKey }: ProtocolClient): Identity => ({
    sign: (bytes) => sign(null, bytes, privateKey),
  });
  const terms = described['terms'] as RoundTerms;
  const text = (bytes: number): string => Buffer.alloc(bytes, 7).toString('base64');
  // What is encrypted under it is looked at by nobody before it is uploaded.
  const key = Buffer.alloc(300, 7);
  const named = { publicKey: sha256Of(key), ciphertexts: 'c'.repeat(64) };
  const advertisement =
    terms.protocol === 'bfv-sum'
      ? contribute(terms, 'attacker', named, identityOf(attacker))
      : SecureParticipant.join(terms, 'attacker', identityOf(attacker), systemBytes).advertisement();

  const tool = (
    name: string,
    args: Record<string, unknown>,
    caller: ProtocolClient | null = attacker,
  ): Message => ({
    name,
    method: 'tools/call',
    kinds: MESSAGE_KINDS,
    seal: (params) => {
      const call = { tool: params['name'] as string, arguments: params['arguments'] };
      return { ...params, _meta: { [SIGNATURE_META]: signOrNot(call, caller ?? attacker) } };
    },
    params: () => ({
      name,
      arguments: {
        ...(caller === null ? {} : { client_id: caller.clientId, auth_token: caller.token }),
        ...args,
      },
    }),
  });
  const round = 1;
  const messages = [
    tool('describe_federation', {}, null),
    tool(
      'enrol_client',
      { client_id: 'newcomer', public_key: attacker.publicKey, enrolment_code: 'x'.repeat(20) },
      null,
    ),
    tool('get_global_model', { version: 0, chunk_index: 0 }),
    tool(
      'publish_sum_key',
      {
        round,
        sum_key: signSumKey(terms, named.publicKey, identityOf(decryptor)),
        key_b64: key.toString('base64'),
      },
      decryptor,
    ),
    tool('get_sum_key', { round }),
    tool('join_round', { round, advertisement }),
    tool('get_roster', { round }),
    tool('upload_key_shares', { round, boxes: [{ from: 'attacker', to: 'good', box: text(94) }] }),
    tool('get_key_shares', { round }),
    tool('get_contributions', { round }),
    tool(
      'admit_roster',
      { round, admission: signAdmission('d'.repeat(64), identityOf(decryptor)) },
      decryptor,
    ),
    tool('upload_update_chunk', {
      ...{ round, chunk_index: 0, total_chunks: 1, chunk_b64: text(300) },
      chunk_sha256: sha256Of(Buffer.alloc(300, 7)),
    }),
    tool('get_upload_status', { round }),
    tool('commit_update', { round, sha256: 'a'.repeat(64), bytes: 4 * terms.form.length }),
    tool('get_unmask_request', { round }),
    tool('get_sum_request', { round }),
    tool('get_ciphertexts', { round, participant: 'good', chunk_index: 0 }),
    tool('confirm_survivors', {
      round,
      confirmation: { participant: 'attacker', list: 'b'.repeat(64), signature: text(64) },
    }),
    tool('reveal_shares', {
      round,
      revelation: { participant: 'attacker', seeds: [{ of: 'good', share: text(33) }], keys: [] },
    }),
    tool('get_round_status', { round }),
    tool('open_round', {}, owner),
    tool('raise_noise', { noise_multiplier: 10 }, owner),
    tool('export_model', { version: 0 }, owner),
    // The federation goes on: it is closed by its owner alone.
    tool('close_federation', {}),
  ];
  return { messages: everyToolOnce(messages, FEDERATION_TOOLS), good };
}
