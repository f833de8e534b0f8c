/** Remote servers by the names that the user gave them. */
import type { BearerSource } from '../client/bearer-fetch.ts';
import type { Connection } from '../client/connection.ts';
import { ToolError } from '../protocol/error-codes.ts';

/** A remote server that the user has named; agents know it by its name only. */
export interface NamedServer {
  readonly name: string;
  /** As `serverName` names it. */
  readonly address: string;
  readonly enrolmentCode?: string | undefined;
  connect(signal: AbortSignal | undefined, bearers?: BearerSource): Promise<Connection>;
  /** Chunks are no larger, where the transport wants it. */
  readonly maxChunkBytes?: number | undefined;
}

/** @throws ToolError ERROR_REMOTE for a name that was not configured, or where several are and none is named */
export function chooseServer(
  servers: ReadonlyMap<string, NamedServer>,
  name: string | undefined,
): NamedServer {
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
