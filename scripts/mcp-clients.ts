/**
 * `npm run mcp:clients [-- NAME…]`: clients that are not ours list the tools of the local server and classify a picture, over every
 * transport that they speak. Writes docs/clients.md if all are asked; exits with 1 if one of them fails.
 */
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliCommand, startServer } from '../cli/testing/run-servers.ts';
import { freePort } from '../src/server/testing/crash-server.ts';
import { compileFixture } from '../src/server/testing/served-model.ts';
import type { Target } from './mcp-clients/ask.ts';
import { startGateway } from './mcp-clients/ask.ts';
import { install } from './mcp-clients/install.ts';
import { ROWS } from './mcp-clients/rows.ts';

const DOCUMENT = join(import.meta.dirname, '../docs/clients.md');
const SAMPLES = join(import.meta.dirname, '../fixtures/samples');
const DIGIT = 7;
const TOOL = 'fhe_classify_file';

interface Outcome {
  readonly cells: readonly string[];
  readonly failure: string | null;
}

const only = process.argv.slice(2);
const rows = ROWS.filter(({ client }) => only.length === 0 || only.some((name) => client.includes(name)));
const here = await install();
const base = await realpath(await mkdtemp(join(tmpdir(), 'mcp-clients-')));
const outcomes: Outcome[] = [];
try {
  await using model = await compileFixture('digits-square');
  const serve = [
    'serve',
    model.file,
    '--open-enrolment',
    '--http',
    '127.0.0.1:0',
    '--state',
    join(base, 'state'),
  ];
  await using remote = await startServer(base, serve);
  const crypto = ['crypto', '--root', SAMPLES, '--server', `remote=${new URL(remote.url).origin}`];
  await using local = await startServer(base, [...crypto, '--http', '127.0.0.1:0']);
  const token = await readFile(join(base, '.local/state/he-compile/client/crypto-token'), 'utf8');
  const at = (home: string): Target => ({
    transport: 'stdio',
    command: process.execPath,
    args: cliCommand(crypto),
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
    url: local.url,
    headers: { Authorization: `Bearer ${token}` },
  });
  const stdio = at(base);
  await using sse = await startGateway(here, stdio, 'sse', await freePort());
  await using http = await startGateway(here, stdio, 'streamableHttp', await freePort());
  const places = {
    stdio,
    http: { ...stdio, transport: 'http' as const },
    sse: { ...stdio, transport: 'sse' as const, url: sse.url, headers: {} },
    gatewayHttp: { ...stdio, transport: 'http' as const, url: http.url, headers: {} },
    fresh: async (name: string) => {
      await mkdir(join(base, name));
      return at(join(base, name));
    },
  };
  const call = { tool: TOOL, arguments: { image_path: join(SAMPLES, `${DIGIT}-1.png`), server: 'remote' } };
  for (const row of rows) {
    const start = performance.now();
    const name = [row.client, await here.version(row.client), row.transport, row.by];
    try {
      const { tools, answer } = await row.ask(here, places, call);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      const right = tools.includes(TOOL) && answer.class.index === DIGIT;
      const again =
        answer.attempts === undefined || answer.attempts === 1 ? '' : `, asked ${answer.attempts} times`;
      const found = [`${tools.length} tools`, `a ${answer.class.index}${again}`, seconds];
      outcomes.push({ cells: [...name, ...found], failure: right ? null : 'not what it should be' });
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      outcomes.push({ cells: [...name, '–', '**failed**', '–'], failure });
    }
    const { cells, failure } = outcomes.at(-1)!;
    process.stderr.write(`${cells.join(' | ')}${failure === null ? '' : `\n${failure}`}\n`);
  }
} finally {
  await rm(base, { recursive: true, force: true });
}

const header = ['client', 'version', 'transport', 'through', 'listed', 'classified', 'seconds'];
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const table = [line(header), line(header.map(() => '---')), ...outcomes.map(({ cells }) => line(cells))];
process.stdout.write(`${table.join('\n')}\n`);
const failed = outcomes.some(({ failure }) => failure !== null);
if (only.length === 0) {
  const text = [
    '# Clients of others',
    '',
    '<!-- written by `npm run mcp:clients` -->',
    '',
    `Each lists the tools of the local server (\`he-compile crypto\`) and classifies a picture with \`${TOOL}\`, which has a remote server`,
    'evaluate it under encryption: the fixture digits-square, 128 bits. The first one makes keys, the others find them; so do the last two,',
    'hosts that give up early and ask again until they have their answer, each from an empty store: one set of keys is made. HTTP+SSE, which',
    'the local server does not offer, goes through supergateway. Seconds are from starting the client to its end, on two processors.',
    '',
    ...table,
    '',
  ];
  await writeFile(DOCUMENT, text.join('\n'));
}
process.exitCode = failed ? 1 : 0;
