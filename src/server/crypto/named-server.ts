/** Calls at a remote server that the user has named. */
import { RemoteServer } from '../client/remote-server.ts';
import type { NamedServer } from './configured-server.ts';
import { chooseServer } from './configured-server.ts';
import type { CryptoServices } from './services.ts';

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
