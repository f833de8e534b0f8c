/**
 * Calls every tool of both servers, over every transport, with the Inspector's command line, and writes the table at the end
 * of docs/mcp-conformance.md. The servers run as users start them; with --cluster, the remote ones are front ends of a worker on PostgreSQL, and
 * the table is written nowhere. Exits 1 if anything is not answered as it should be.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { cliCommand, startProcess, startServer } from '../cli/testing/run-servers.ts';
import { PostgresDatabase } from '../src/server/storage/postgres/postgres-database.ts';
import { PostgresServer } from '../src/server/storage/testing/postgres-server.ts';
import type { ClientKind, Endpoint } from '../src/server/testing/mcp-clients.ts';
import { connectClient } from '../src/server/testing/mcp-clients.ts';
import { compileFixture } from '../src/server/testing/served-model.ts';
import type { Era } from './mcp-inspector-cli.ts';
import { INSPECTOR, inspect } from './mcp-inspector-cli.ts';
import type { Arguments, CallTool, Walk } from './mcp-inspector-walk.ts';
import { walk } from './mcp-inspector-walk.ts';

const REPORT = join(import.meta.dirname, '../docs/mcp-conformance.md');
const BEGIN = '<!-- inspector: begin (node scripts/mcp-inspector.ts) -->';
const END = '<!-- inspector: end -->';
const SAMPLES = join(import.meta.dirname, '../fixtures/samples');
const DIGIT = 7;
/** Of participants: they are listed everywhere, and called where there is an aggregator (`cli/federation/processes.slow.test.ts`). */
const OF_FEDERATIONS = ['prepare_update', 'contribute', 'privacy_ledger', 'fetch_global_model'];

const CLIENT_OF: Readonly<Record<Era, ClientKind>> = { legacy: 'v2, 2025-11-25', modern: 'v2, 2026-07-28' };

/** One walk through all tools. HTTP+SSE belongs to the remote server, and to revisions before the stateless one. */
const WALKS: readonly {
  readonly remote: Endpoint['kind'];
  readonly local: 'stdio' | 'http';
  readonly era: Era;
}[] = [
  { remote: 'stdio', local: 'stdio', era: 'legacy' },
  { remote: 'stdio', local: 'stdio', era: 'modern' },
  { remote: 'http', local: 'http', era: 'legacy' },
  { remote: 'http', local: 'http', era: 'modern' },
  { remote: 'sse', local: 'http', era: 'legacy' },
];

const toolList = z.looseObject({ tools: z.array(z.looseObject({ name: z.string() })) });
const toolResult = z.looseObject({
  structuredContent: z.looseObject({ ok: z.boolean(), error_code: z.string().nullish() }),
});

/** What was answered, by row (tool) and column (server, transport and revision). */
class Table {
  readonly #cells = new Map<string, Map<string, string>>();
  #columns: string[] = [];
  failed = false;

  set(row: string, column: string, text: string, fails: boolean): void {
    if (!this.#columns.includes(column)) this.#columns.push(column);
    if (!this.#cells.has(row)) this.#cells.set(row, new Map());
    this.#cells.get(row)!.set(column, fails ? `**${text}**` : text);
    this.failed ||= fails;
  }

  get markdown(): string {
    const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
    const columns = this.#columns;
    const rows = [...this.#cells].map(([row, cells]) =>
      line([row, ...columns.map((column) => cells.get(column) ?? '–')]),
    );
    return [line(['', ...columns]), line(['---', ...columns.map(() => '---')]), ...rows].join('\n');
  }
}

interface Inspected {
  readonly call: CallTool;
  /** tools/list, once every tool has been called. */
  list(): Promise<void>;
}

/** One server, asked by the Inspector; what it answers goes into a column of the table. */
function inspected(endpoint: Endpoint, era: Era, home: string, table: Table, column: string): Inspected {
  const called = new Set<string>();
  return {
    async call(tool, args) {
      called.add(tool);
      const method = [
        '--method',
        'tools/call',
        '--tool-name',
        tool,
        '--tool-args-json',
        JSON.stringify(args),
      ];
      const { exitCode, stdout } = await inspect(endpoint, era, method, home);
      const result = toolResult.safeParse(parseJson(stdout));
      const answer = result.data?.structuredContent;
      const ok = exitCode === 0 && answer?.ok === true;
      table.set(tool, column, ok ? 'ok' : (answer?.error_code ?? `exit status ${exitCode}`), !ok);
      if (!ok) throw new Error(`${column}: ${tool} was answered with ${stdout.slice(0, 500)}`);
      return answer;
    },
    async list() {
      const { exitCode, stdout } = await inspect(endpoint, era, ['--method', 'tools/list', '--strict'], home);
      const names = toolList.safeParse(parseJson(stdout)).data?.tools.map(({ name }) => name) ?? [];
      const fails =
        exitCode !== 0 ||
        names.length === 0 ||
        names.some((name) => !called.has(name) && !OF_FEDERATIONS.includes(name));
      table.set('tools/list', column, `${names.length} tools`, fails);
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const table = new Table();
const base = await realpath(await mkdtemp(join(tmpdir(), 'mcp-inspector-')));
try {
  await using model = await compileFixture('digits-square');
  const at = (...names: string[]): string => join(base, ...names);
  await mkdir(at('work'));
  await using cluster = process.argv.includes('--cluster') ? await openCluster() : null;
  const serve = ['serve', model.file, '--open-enrolment', '--allow-unsigned', ...(cluster?.options ?? [])];
  await using remote = await startServer(base, [
    ...serve,
    '--http',
    '127.0.0.1:0',
    '--sse',
    '--state',
    at('state'),
  ]);
  const roots = ['--root', SAMPLES, at('work'), '--server', `remote=${new URL(remote.url).origin}`];
  await using local = await startServer(base, ['crypto', ...roots, '--http', '127.0.0.1:0']);
  const token = await readFile(at('.local', 'state', 'he-compile', 'client', 'crypto-token'), 'utf8');
  for (const { remote: remoteKind, local: localKind, era } of WALKS) {
    const name = `${remoteKind}-${era}`;
    const environment = { PATH: process.env['PATH'] ?? '', HOME: at(name) };
    await mkdir(at(name));
    const onStdio = (args: readonly string[]): Endpoint => ({
      kind: 'stdio',
      args: cliCommand(args),
      environment,
    });
    const remoteEndpoint: Endpoint =
      remoteKind === 'stdio'
        ? onStdio([...serve, '--stdio', '--state', at(name, 'state')])
        : { kind: remoteKind, url: remote.url };
    const localEndpoint: Endpoint =
      localKind === 'stdio' ? onStdio(['crypto', ...roots]) : { kind: 'http', url: local.url, token };
    const revision = era === 'legacy' ? '2025-11-25' : '2026-07-28';
    const columnOf = (server: string, kind: string): string => `${server}, ${kind}, ${revision}`;
    const servers = [
      inspected(remoteEndpoint, era, base, table, columnOf('remote', remoteKind)),
      inspected(localEndpoint, era, base, table, columnOf('local', localKind)),
    ] as const;
    const steps: Walk = {
      remote: servers[0].call,
      local: servers[1].call,
      bulk: (tool, args) => callDirectly(remoteEndpoint, CLIENT_OF[era], tool, args),
      clientId: name,
      serverName: 'remote',
      image: join(SAMPLES, `${DIGIT}-1.png`),
      folder: at('work', name),
    };
    try {
      const winner = await walk(steps);
      if (winner !== DIGIT) throw new Error(`a ${DIGIT} was taken for a ${winner}`);
    } catch (error) {
      // The other walks are of interest all the same.
      table.failed = true;
      process.stderr.write(`${name}: ${String(error)}\n`);
    }
    for (const server of servers) await server.list();
    process.stderr.write(`${name}: done\n`);
  }
} finally {
  await rm(base, { recursive: true, force: true });
}

/** A database and a worker; `options` make `serve` a front end of theirs. */
async function openCluster(): Promise<AsyncDisposable & { readonly options: readonly string[] }> {
  await using opened = new AsyncDisposableStack();
  const database = opened.use(await PostgresServer.start());
  const stores = ['--database', database.address, '--blobs', 'postgres'];
  const key = join(base, 'server-key.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  // Brings the schema there.
  await (await PostgresDatabase.open(database.address))[Symbol.asyncDispose]();
  opened.use(await startProcess(base, ['work', ...stores, '--cache', join(base, 'cache')], /(takes jobs)/));
  const all = opened.move();
  return { options: [...stores, '--server-key', key], [Symbol.asyncDispose]: () => all.disposeAsync() };
}

async function callDirectly(
  endpoint: Endpoint,
  kind: ClientKind,
  tool: string,
  args: Arguments,
): Promise<unknown> {
  const connection = await connectClient(kind, endpoint);
  try {
    const { structuredContent } = await connection.call({ name: tool, arguments: args });
    const answer = toolResult.shape.structuredContent.parse(structuredContent);
    if (!answer.ok) throw new Error(`${tool} was answered with ${JSON.stringify(answer).slice(0, 500)}`);
    return answer;
  } finally {
    await connection.close();
  }
}

const section = [
  BEGIN,
  '',
  '## Inspector',
  '',
  `\`npm run mcp:inspector\` has \`${INSPECTOR} --cli\` list the tools of \`serve\` and \`crypto\` and call each of them once, with`,
  'arguments that it accepts: from keys over an encrypted picture to its class, and everything deleted again. The first chunk of',
  'each file is sent by the Inspector and the others by a client, because they do not fit on a command line. `tools/list` is asked with',
  '`--strict`; exit status 0 says that no schema has an error in portability. HTTP+SSE ends with revision 2025-11-25, and the local',
  'server does not offer it. The four tools of participants of federations are listed here and called by tests that have an aggregator.',
  '',
  table.markdown,
  '',
  END,
].join('\n');
if (process.argv.includes('--cluster')) process.stdout.write(`${table.markdown}\n`);
else await writeReport();
process.exitCode = table.failed ? 1 : 0;

async function writeReport(): Promise<void> {
  const before = await readFile(REPORT, 'utf8');
  const old = before.indexOf(BEGIN);
  const after =
    old < 0
      ? `${before.trimEnd()}\n\n${section}\n`
      : before.slice(0, old) + section + before.slice(before.indexOf(END) + END.length);
  await writeFile(REPORT, after);
}
