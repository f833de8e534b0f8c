/** Remote servers by the names that the user gave them. */
import { RemoteServer } from '../client/remote-server.ts';
import { ToolError } from '../protocol/error-codes.ts';
import type { CryptoServices, NamedServer } from './services.ts';

type Needed = Pick<CryptoServices, 'servers' | 'credentials'>;

/**
 * Connects for the time of `work`.
 * @param name may be left out where there is only one server
 * @throws ToolError ERROR_REMOTE for a name that was not configured
 */
export async function withRemote<T>(
  { servers, credentials }: Needed,
  name: string | undefined,
  clientId: string,
  work: (remote: RemoteServer, server: NamedServer) => Promise<T>,
): Promise<T> {
  const server = chooseServer(servers, name);
  await using remote = await RemoteServer.open({
    clientId,
    server: server.address,
    connect: (signal, bearers) => server.connect(signal, bearers),
    credentials,
    ...(server.enrolmentCode === undefined ? {} : { enrolmentCode: server.enrolmentCode }),
    ...(server.maxChunkBytes === undefined ? {} : { maxChunkBytes: server.maxChunkBytes }),
  });
  return await work(remote, server);
}

/** @throws ToolError ERROR_REMOTE for a name that was not configured, or where several are and none is named */
export function chooseServer(servers: Needed['servers'], name: string | undefined): NamedServer {
  if (name !== undefined) {
    const server = servers.get(name);
    if (server !== undefined) return server;
    throw new ToolError('ERROR_REMOTE', 'no server of this name is configured: see fhe_list_servers');
  }
  const [only, ...others] = servers.values();
  if (only !== undefined && others.length === 0) return only;
  throw new ToolError(
    'ERROR_REMOTE',
    only === undefined
      ? 'no server is configured: start this program with --server NAME=URL'
      : 'several servers are configured: name one',
  );
}
