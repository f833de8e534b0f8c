/** Both servers as users start them, in processes of their own, and what `he-compile run` says of the same pictures. */
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliCommand, runCliAt, startServer } from '../../../cli/testing/run-servers.ts';
import { Agent, classifyInOneCall } from './agent-path.ts';
import type { Classification } from './agent-path.ts';
import type { ClientKind, Endpoint } from './mcp-clients.ts';
import { connectClient } from './mcp-clients.ts';

export type Transport = Endpoint['kind'];

/** Every client over every transport that its revision has. */
export const AGENTS: readonly (readonly [ClientKind, Transport])[] = [
  ['v1', 'http'],
  ['v1', 'sse'],
  ['v1', 'stdio'],
  ['v2, 2026-07-28', 'http'],
  ['v2, 2026-07-28', 'stdio'],
  ['v2, 2025-11-25', 'http'],
  ['v2, 2025-11-25', 'sse'],
  ['v2, 2025-11-25', 'stdio'],
];

export interface AgentWorld extends AsyncDisposable {
  /** Connects the client to both servers and takes every step for each picture. */
  classify(kind: ClientKind, transport: Transport, images: readonly string[]): Promise<Classification[]>;
  /** Connects the client to the local server alone, which does everything with the remote one over that transport. */
  classifyInOneCall(
    kind: ClientKind,
    transport: Transport,
    images: readonly string[],
  ): Promise<Classification[]>;
  /** First output of `he-compile run` for each picture. */
  run(images: readonly string[]): Promise<number[][]>;
}

/**
 * @param artifact file
 * @param pictures folder that the local server may read
 */
export async function openAgentWorld(artifact: string, pictures: string): Promise<AgentWorld> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'he-compile-agent-')));
  const at = (...names: string[]): string => join(base, ...names);
  const environment = { PATH: process.env['PATH'] ?? '', HOME: base };
  const serve = ['serve', artifact, '--state', at('state'), '--open-enrolment'];
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(base, { recursive: true, force: true }));
  await mkdir(at('work'));
  const remote = stack.use(await startServer(base, [...serve, '--http', '127.0.0.1:0', '--sse']));
  const onStdio = ['serve', artifact, '--stdio', '--state', at('named-state')];
  const command = [process.execPath, ...cliCommand(onStdio)].map((word) => `"${word}"`).join(' ');
  const named: Readonly<Record<Transport, string>> = {
    http: new URL(remote.url).origin,
    sse: `sse+${new URL(remote.url).origin}`,
    stdio: `stdio:${command}`,
  };
  const servers = Object.entries(named).flatMap(([name, address]) => ['--server', `${name}=${address}`]);
  const crypto = ['crypto', '--root', pictures, at('work'), ...servers];
  const local = stack.use(await startServer(base, [...crypto, '--http', '127.0.0.1:0']));
  const token = await readFile(at('.local', 'state', 'he-compile', 'client', 'crypto-token'), 'utf8');
  const processAt = (home: string, args: readonly string[]): Endpoint => ({
    kind: 'stdio',
    args: cliCommand(args),
    environment: { ...environment, HOME: home },
  });
  const endpoints = (kind: ClientKind, transport: Transport): Record<'remote' | 'local', Endpoint> => {
    if (transport === 'stdio') {
      const home = at(nameOf(kind));
      return {
        remote: processAt(home, ['serve', artifact, '--stdio', '--state', join(home, 'state')]),
        local: processAt(home, crypto),
      };
    }
    return { remote: { kind: transport, url: remote.url }, local: { kind: 'http', url: local.url, token } };
  };
  const disposables = stack.move();
  return {
    async classify(kind, transport, images) {
      const { remote, local } = endpoints(kind, transport);
      const connections = await Promise.all([connectClient(kind, remote), connectClient(kind, local)]);
      const clientId = `${nameOf(kind)}-${transport}`;
      const agent = new Agent({
        remote: connections[0],
        local: connections[1],
        clientId,
        folder: at('work', clientId),
      });
      try {
        return await agent.classify(images);
      } finally {
        await Promise.all(connections.map(({ close }) => close()));
      }
    },
    async classifyInOneCall(kind, transport, images) {
      const connection = await connectClient(kind, endpoints(kind, transport).local);
      try {
        return await classifyInOneCall(connection, transport, images);
      } finally {
        await connection.close();
      }
    },
    async run(images) {
      const outputs: number[][] = [];
      for (const image of images) {
        const { exitCode, stdout, stderr } = await runCliAt(base, [
          'run',
          artifact,
          '--input',
          image,
          '--json',
        ]);
        if (exitCode !== 0) throw new Error(stderr);
        outputs.push((JSON.parse(stdout) as { output: { data: number[] } }).output.data);
      }
      return outputs;
    },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

function nameOf(kind: ClientKind): string {
  return kind.replace(/[^A-Za-z0-9]+/g, '-');
}
