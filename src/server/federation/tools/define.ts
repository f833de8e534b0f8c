/** Ties tools to the services of the aggregator, and what several of them share. */
import { z } from 'zod';
import { authToken, clientId } from '../../protocol/identifiers.ts';
import { ToolError } from '../../protocol/error-codes.ts';
import { defineTool } from '../../protocol/tool.ts';
import type { CallContext } from '../../protocol/tool.ts';
import type { ClientRecord } from '../../storage/records.ts';
import type { MetadataStore } from '../../storage/metadata-store.ts';
import type { FederationServices } from '../services.ts';

export const define = defineTool<FederationServices>();

/** Arguments of every call that is not for strangers. */
export const credentials = { client_id: clientId, auth_token: authToken.optional() };
export const done = z.object({ ok: z.literal(true) });

/** @throws ToolError those of authentication, ERROR_NOT_DECRYPTOR */
export async function requireDecryptor(
  input: { readonly client_id: string; readonly auth_token?: string | undefined },
  { authentication, federation }: FederationServices,
  call: CallContext,
): Promise<ClientRecord> {
  const client = await authentication.authenticate(input, call);
  if (client.clientId !== federation.policy.decryptor)
    throw new ToolError('ERROR_NOT_DECRYPTOR', 'this is for the decryptor of the federation');
  return client;
}

/** @throws ToolError those of authentication, ERROR_NOT_OWNER */
export async function requireOwner(
  input: { readonly client_id: string; readonly auth_token?: string | undefined },
  { authentication, federation }: FederationServices,
  call: CallContext,
): Promise<ClientRecord> {
  const client = await authentication.authenticate(input, call);
  if (client.clientId !== federation.policy.owner)
    throw new ToolError('ERROR_NOT_OWNER', 'this is for the owner of the federation');
  return client;
}

/** Keys that participants are enrolled with, to be held against those that who asks knows. */
export async function identitiesOf(
  named: readonly { readonly participant: string }[],
  clients: Pick<MetadataStore, 'client'>,
): Promise<{ participant: string; public_key: string }[]> {
  return Promise.all(
    named.map(async ({ participant }) => {
      const client = await clients.client(participant);
      return { participant, public_key: client?.publicKey ?? '' };
    }),
  );
}
