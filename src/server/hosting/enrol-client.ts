import { z } from 'zod';
import { clientId, publicKeyText } from '../protocol/identifiers.ts';
import { defineTool } from '../protocol/tool.ts';
import type { EnrolmentOffice } from './enrolment.ts';
import type { Log } from './log.ts';
import type { ServerIdentity } from './server-identity.ts';

export interface EnrolmentServices {
  readonly enrolment: EnrolmentOffice;
  readonly identity: ServerIdentity;
  readonly log: Log;
}

/** The same tool at every server for others. */
export const enrolClient = defineTool<EnrolmentServices>()({
  name: 'enrol_client',
  title: 'Enrol a client',
  description:
    'Makes a client known: pins its Ed25519 key and returns its auth_token, once. Needs a one-time code from the operator or a certificate chain; the request is signed with the key that is enrolled. A known client renews its token with the same key.',
  input: z.strictObject({
    client_id: clientId,
    enrolment_code: z.string().min(1).max(128).optional(),
    public_key: publicKeyText.optional(),
    certificate_chain: z
      .array(z.string().max(16_384))
      .max(8)
      .optional()
      .describe('X.509, PEM, leaf first, without the authority; CN is the client_id'),
  }),
  output: z.object({
    ok: z.literal(true),
    client_id: z.string(),
    auth_token: z.string(),
    expires_at: z.iso.datetime(),
    signatures_required: z.boolean(),
    server_key: z.string(),
    server_key_id: z.string(),
  }),
  annotations: { readOnlyHint: false, destructiveHint: false },
  async run(input, { enrolment, identity, log }, call) {
    const { client, token } = await enrolment.enrol(
      {
        clientId: input.client_id,
        code: input.enrolment_code,
        publicKey: input.public_key,
        certificateChain: input.certificate_chain,
      },
      call,
    );
    log('info', 'client enrolled', { client: client.clientId, address: call.origin });
    return {
      ok: true as const,
      client_id: client.clientId,
      auth_token: token,
      expires_at: new Date(client.tokenExpiresAt).toISOString(),
      signatures_required: client.publicKey !== null,
      server_key: identity.publicKey,
      server_key_id: identity.id,
    };
  },
});
