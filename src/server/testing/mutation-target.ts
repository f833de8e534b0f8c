/**
 * Either server as a process of its own, for tests that send it damaged messages: with the limits of a patient operator, so
 * that it is the messages that are refused and not their number.
 * `node mutation-target.ts serve inference MODEL STATE | crypto FOLDER ROOT TOKEN`
 */
import { join } from 'node:path';
import { CryptoServer } from '../crypto/crypto-server.ts';
import { openCryptoServices } from '../crypto/open-services.ts';
import { DEFAULT_LIMITS } from '../inference/configuration.ts';
import { InferenceServer } from '../inference/inference-server.ts';
import { jsonLog } from '../hosting/log.ts';

const VERSION = '0.0.0-test';
const ADDRESS = { host: '127.0.0.1', port: 0 };

const [, , , which, ...args] = process.argv;
const url = await (which === 'inference'
  ? inference(args[0]!, args[1]!)
  : local(args[0]!, args[1]!, args[2]!));
process.stderr.write(`listening on ${url}\n`);

async function inference(model: string, stateFolder: string): Promise<string> {
  const server = await InferenceServer.open(
    [model],
    {
      stateFolder,
      limits: {
        ...DEFAULT_LIMITS,
        maxChunkBytes: 2 ** 20,
        maxInlineResultBytes: 2 ** 10,
        requestsPerSecond: 1e6,
        strangerRequestsPerSecond: 1e6,
        strangerRequestBurst: 1e6,
        requestBurst: 1e6,
      },
      enrolment: { open: true, unsigned: false, authorities: [] },
      threads: 1,
    },
    VERSION,
    jsonLog((line) => process.stderr.write(line)),
  );
  const listener = await server.listenHttp({
    address: ADDRESS,
    tls: null,
    sse: true,
    allowedHosts: [],
    allowedOrigins: [],
    requireBearer: false,
  });
  return listener.url;
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
