/** Has one client list the tools and call one of them: by a driver, or by a command line of its own. */
import { execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Installation } from './install.ts';

/** Where the local server is, for a client. */
export interface Target {
  readonly transport: 'stdio' | 'http' | 'sse';
  /** For stdio. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For the others. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Call {
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Of a host that gives up after so long, and asks again. */
  readonly timeoutMs?: number;
}

const answer = z.looseObject({
  ok: z.literal(true),
  class: z.object({ index: z.int() }),
  /** How often a host that gives up has asked, and how many sets of keys there are then. */
  attempts: z.int().optional(),
  key_sets: z.int().optional(),
});
const report = z.object({ tools: z.array(z.string()), answer });
export type Report = z.infer<typeof report>;

const PATIENCE_MS = 180_000;
const MAX_OUTPUT = 2 ** 24;

/** @param name of the file in drivers/ */
export async function askDriver(
  { folder }: Installation,
  name: string,
  target: Target,
  call: Call,
): Promise<Report> {
  const orders = JSON.stringify({ ...target, ...call });
  const stdout = await run([join(folder, 'drivers', `${name}.mjs`)], target.env, orders);
  return report.parse(JSON.parse(stdout.trim().split('\n').at(-1)!));
}

/** The Inspector's command line, one request each time. */
export async function askInspector(here: Installation, target: Target, call: Call): Promise<Report> {
  const entry = here.file('@modelcontextprotocol/inspector', 'clients/launcher/build/index.js');
  const headers = Object.entries(target.headers).flatMap(([name, value]) => [
    '--header',
    `${name}: ${value}`,
  ]);
  const variables = Object.entries(target.env).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const where =
    target.transport === 'stdio'
      ? [...variables, '--', target.command, ...target.args]
      : ['--transport', target.transport, '--server-url', target.url, ...headers];
  const ask = (...method: string[]): Promise<string> =>
    run([entry, '--cli', ...method, ...where], target.env);
  const listed = toolList.parse(JSON.parse(await ask('--method', 'tools/list')));
  const args = ['--tool-name', call.tool, '--tool-args-json', JSON.stringify(call.arguments)];
  const called = z.looseObject({ structuredContent: answer });
  return {
    tools: listed.tools.map(({ name }) => name),
    answer: called.parse(JSON.parse(await ask('--method', 'tools/call', ...args))).structuredContent,
  };
}

const toolList = z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) });

/** mcporter's command line, with a configuration file as its users have. */
export async function askMcporter(here: Installation, target: Target, call: Call): Promise<Report> {
  const { transport, command, args, env, url, headers } = target;
  const config = join(env['HOME']!, 'mcporter.json');
  const server = transport === 'stdio' ? { command, args, env } : { url, headers };
  await writeFile(config, JSON.stringify({ mcpServers: { local: server } }));
  const ask = (...method: string[]): Promise<string> =>
    run([here.file('mcporter', 'dist/cli.js'), ...method, '--config', config], env);
  const listed = toolList.parse(JSON.parse(await ask('list', 'local', '--json')));
  const given = ['--args', JSON.stringify(call.arguments), '--output', 'json'];
  return {
    tools: listed.tools.map(({ name }) => name),
    answer: answer.parse(JSON.parse(await ask('call', `local.${call.tool}`, ...given))),
  };
}

export interface Bridge extends AsyncDisposable {
  readonly url: string;
}

/** supergateway before a server on stdio; resolves when something answers at its port. */
export async function startGateway(
  here: Installation,
  target: Target,
  transport: 'sse' | 'streamableHttp',
  port: number,
): Promise<Bridge> {
  const command = [target.command, ...target.args].map((part) => JSON.stringify(part)).join(' ');
  const kind = ['--outputTransport', transport, ...(transport === 'sse' ? [] : ['--stateful'])];
  const entry = here.file('supergateway', 'dist/index.js');
  const child = spawn(process.execPath, [entry, '--stdio', command, '--port', String(port), ...kind], {
    env: { ...target.env },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}${transport === 'sse' ? '/sse' : '/mcp'}`;
  await reachable(url, child);
  return {
    url,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function reachable(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    const abort = new AbortController();
    const answered = await fetch(url, { signal: abort.signal }).then(
      () => true,
      () => false,
    );
    abort.abort();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('supergateway does not listen');
}

function run(args: readonly string[], env: Readonly<Record<string, string>>, input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: { ...env }, timeout: PATIENCE_MS, maxBuffer: MAX_OUTPUT };
    const child = execFile(process.execPath, [...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${stderr.slice(-1500)}\n${stdout.slice(-500)}`.trim()));
    });
    child.stdin?.end(input);
  });
}
