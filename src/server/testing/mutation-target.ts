/**
 * Either server as a process of its own, for tests that send it damaged messages: with the limits of a patient operator, so
 * that it is the messages that are refused and not their number.
 * `node mutation-target.ts serve inference MODEL STATE | federation TEMPLATE STATE PROTOCOL | crypto FOLDER ROOT TOKEN`
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CryptoServer } from '../crypto/crypto-server.ts';
import { openCryptoServices } from '../crypto/open-services.ts';
import { FederationServer } from '../federation/federation-server.ts';
import { parsePolicy } from '../federation/policy-file.ts';
import { HOSTING_LIMITS } from '../hosting/limits.ts';
import { DEFAULT_LIMITS } from '../inference/configuration.ts';
import { openTestServer } from './open-test-server.ts';
import { jsonLog } from '../hosting/log.ts';
import { CONTEXT, policyText, sumPolicyText } from './federation-policy.ts';

const VERSION = '0.0.0-test';
const ADDRESS = { host: '127.0.0.1', port: 0 };
const HTTP = {
  ...{ address: ADDRESS, tls: null, sse: true },
  ...{ allowedHosts: [], allowedOrigins: [], requireBearer: false },
};

const PATIENT = {
  maxChunkBytes: 2 ** 20,
  requestsPerSecond: 1e6,
  strangerRequestsPerSecond: 1e6,
  strangerRequestBurst: 1e6,
  requestBurst: 1e6,
};

const [, , , which, ...args] = process.argv;
const url = await (which === 'inference'
  ? inference(args[0]!, args[1]!)
  : which === 'federation'
    ? federation(args[0]!, args[1]!, args[2]!)
    : local(args[0]!, args[1]!, args[2]!));
process.stderr.write(`listening on ${url}\n`);

async function inference(model: string, stateFolder: string): Promise<string> {
  const server = await openTestServer(
    [model],
    {
      stateFolder,
      limits: { ...DEFAULT_LIMITS, ...PATIENT, maxInlineResultBytes: 2 ** 10 },
      enrolment: { open: true, unsigned: false, authorities: [] },
      threads: 1,
    },
    VERSION,
    jsonLog((line) => process.stderr.write(line)),
  );
  return (await server.listenHttp(HTTP)).url;
}

/** A round is open, which six would have to join. */
async function federation(template: string, stateFolder: string, protocol: string): Promise<string> {
  const six = { clients: 6 };
  const policy =
    protocol === 'bfv-sum'
      ? sumPolicyText({ context: { ...CONTEXT, sensitivity: 'internal', jurisdictions: [], ...six } })
      : policyText({ context: { ...CONTEXT, ...six } });
  const server = await FederationServer.open(
    await readFile(template),
    parsePolicy(policy),
    {
      stateFolder,
      limits: { ...HOSTING_LIMITS, ...PATIENT },
      enrolment: { open: true, unsigned: false, authorities: [] },
      autoOpen: true,
    },
    VERSION,
    jsonLog((line) => process.stderr.write(line)),
  );
  await server.tick();
  return (await server.listenHttp(HTTP)).url;
}

async function local(folder: string, root: string, token: string): Promise<string> {
  const services = await openCryptoServices({
    vaultFolder: join(folder, 'store'),
    unlocking: { kind: 'key-file', path: join(folder, 'config', 'vault.key') },
    sessionsFolder: join(folder, 'sessions'),
    roots: [root],
    servers: [],
    certified: null,
    clientId: null,
  });
  const onError = (event: string, code: string, detail: string | undefined): void =>
    void process.stderr.write(`${JSON.stringify({ event, code, detail })}\n`);
  const server = new CryptoServer({ services, version: VERSION, onError });
  return (await server.listenHttp(ADDRESS, token)).url;
}
