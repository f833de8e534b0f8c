/** The Inspector's command line: one connection and one request each time it is run. */
import { execFile } from 'node:child_process';
import type { Endpoint } from '../src/server/testing/mcp-clients.ts';

export const INSPECTOR = '@modelcontextprotocol/inspector@2.12.0';

/** What the Inspector calls the revisions: those that begin with `initialize`, and the stateless one. */
export type Era = 'legacy' | 'modern';

export interface Output {
  /** 0; 5 if a tool answered with a failure; anything else if there was no answer. */
  readonly exitCode: number;
  readonly stdout: string;
}

/** @param home the Inspector keeps a folder of its own there */
export function inspect(
  endpoint: Endpoint,
  era: Era,
  method: readonly string[],
  home: string,
): Promise<Output> {
  const options = ['--yes', INSPECTOR, '--cli', '--protocol-era', era, ...method];
  const args = [...options, ...(endpoint.kind === 'stdio' ? stdioTarget(endpoint) : urlTarget(endpoint))];
  const env = { ...process.env, HOME: home };
  return new Promise((resolve, reject) => {
    execFile('npx', args, { env, maxBuffer: 2 ** 27 }, (error, stdout) => {
      if (error !== null && typeof error.code !== 'number')
        reject(new Error('npx cannot be started', { cause: error }));
      else resolve({ exitCode: Number(error?.code ?? 0), stdout });
    });
  });
}

function stdioTarget({ args, environment }: Endpoint & { kind: 'stdio' }): string[] {
  const variables = Object.entries(environment).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  return [...variables, '--', process.execPath, ...args];
}

function urlTarget(endpoint: Exclude<Endpoint, { kind: 'stdio' }>): string[] {
  if (endpoint.kind === 'sse')
    return ['--transport', 'sse', '--server-url', new URL('/sse', endpoint.url).href];
  const target = ['--transport', 'http', '--server-url', endpoint.url];
  return endpoint.token === undefined
    ? target
    : [...target, '--header', `Authorization: Bearer ${endpoint.token}`];
}
