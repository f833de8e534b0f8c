/** Remote servers of a tiny model, one after another on one state folder, and what they log. Nothing is evaluated on them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeArtifact } from '../../program/codec.ts';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { DEFAULT_LIMITS, type ServerLimits } from '../inference/configuration.ts';
import type { InferenceServer } from '../inference/inference-server.ts';
import { openTestServer } from './open-test-server.ts';
import type { LogFields, LogLevel } from '../hosting/log.ts';

interface Logged {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields | undefined;
}

/** Of an HTTP listener, on any free port. */
export const HTTP_SETTINGS = {
  address: { host: '127.0.0.1', port: 0 },
  ...{ tls: null, sse: false, allowedHosts: [], allowedOrigins: [], requireBearer: false },
};

export async function idleServers() {
  const folder = await mkdtemp(join(tmpdir(), 'he-compile-idle-'));
  const stateFolder = join(folder, 'a', 'state');
  const artifact = join(folder, 'small.hemodel');
  await writeFile(artifact, encodeArtifact(smallArtifact()));
  const servers: InferenceServer[] = [];
  const logged: Logged[] = [];
  return {
    stateFolder,
    logged,
    async start(limits: Partial<ServerLimits> = {}): Promise<InferenceServer> {
      const configuration = {
        stateFolder,
        limits: { ...DEFAULT_LIMITS, ...limits },
        enrolment: { open: true, unsigned: false, authorities: [] },
        threads: 1,
      };
      const server = await openTestServer([artifact], configuration, '1.2.3', (level, event, fields) => {
        logged.push({ level, event, fields });
      });
      servers.push(server);
      return server;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const server of servers) await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
export type IdleServers = Awaited<ReturnType<typeof idleServers>>;
