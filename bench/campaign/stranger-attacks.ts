/** What somebody without a token may send, by kind. Each kind makes as many requests as it is asked for. */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import { SIGNATURE_META } from '../../src/server/protocol/extension.ts';
import { encodePublicKey, signRequest } from '../../src/server/protocol/signing.ts';
import type { HostileRequest } from './hostile-request.ts';
import { INITIALIZE, modern, toolCall } from './messages.ts';

export type Attacks = Readonly<Record<string, () => HostileRequest>>;

const STALL_MS = 15_000;

/** @param victim client_id of somebody who is enrolled; @param audience `keyId` of the server */
export function strangerAttacks(victim: string, audience: string): Attacks {
  const { privateKey } = generateKeyPairSync('ed25519');
  const public_key = encodePublicKey(createPublicKey(privateKey));
  const guess = (): string => randomBytes(32).toString('base64url');
  const signed = (tool: string, args: Record<string, unknown>): HostileRequest =>
    toolCall(tool, args, {
      [SIGNATURE_META]: signRequest({ tool, arguments: args }, privateKey, audience),
    });
  const replayed = signed('enrol_client', { client_id: 'replayed', public_key });
  const values = `{"a":[${'{"a":0},'.repeat(100_000)}0]}`;
  const keys = `{${Array.from({ length: 60_000 }, (_, i) => `"${i.toString(36)}":0`).join(',')}}`;
  const large = `{"a":"${'x'.repeat(2_000_000)}"}`;
  const manyCalls = JSON.stringify(
    Array.from({ length: 1000 }, (_, id) => ({
      ...{ jsonrpc: '2.0', id, method: 'tools/call' },
      params: { name: 'list_models', arguments: {} },
    })),
  );
  return {
    'no JSON': () => ({ body: 'no json' }),
    'nested 1000 deep': () => ({ body: '['.repeat(1000) }),
    '200,000 values': () => ({ body: values }),
    '60,000 keys': () => ({ body: keys }),
    '2 MB in one string': () => ({ body: large }),
    initialize: () => ({ body: INITIALIZE }),
    'batch of 1000 calls': () => ({ body: manyCalls }),
    'tools/list': () => modern('tools/list', {}),
    describe_model: () => toolCall('describe_model', { include_signature: true }),
    'resources/read': () => modern('resources/read', { uri: 'he-compile://models/none/signature' }),
    'unknown arguments': () => toolCall('list_models', { surprise: 1 }),
    'guessed tokens': () =>
      toolCall('get_session_status', { client_id: victim, auth_token: guess(), session_id: 's' }),
    'guessed tokens in the header': () => ({
      ...modern('tools/list', {}),
      headers: { Authorization: `Bearer ${guess()}` },
    }),
    'guessed enrolment codes': () =>
      signed('enrol_client', { client_id: victim, public_key, enrolment_code: guess().slice(0, 20) }),
    'malformed signatures': () =>
      toolCall('enrol_client', { client_id: 'x', public_key }, { [SIGNATURE_META]: { alg: 'none' } }),
    'replayed requests': () => replayed,
    'wrong Host': () => ({ body: INITIALIZE, headers: { Host: 'evil.example' } }),
    'wrong Origin': () => ({ body: INITIALIZE, headers: { Origin: 'https://evil.example' } }),
    'unknown sessions': () => ({ method: 'GET', headers: { 'Mcp-Session-Id': guess() } }),
    'unknown paths': () => ({ method: 'GET', path: `/${guess()}` }),
    '/metrics': () => ({ method: 'GET', path: '/metrics' }),
    'slow bodies': () => ({ body: large.slice(0, 100_000), stallMs: STALL_MS }),
    'half headers': () => ({ stallMs: STALL_MS }),
  };
}
