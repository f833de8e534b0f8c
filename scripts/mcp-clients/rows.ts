/** Which client speaks what, and how it is asked. */
import type { Call, Report, Target } from './ask.ts';
import { askDriver, askInspector, askMcporter } from './ask.ts';
import type { Installation } from './install.ts';

export interface Places {
  /** The local server started by the client, as one for all, and behind supergateway. */
  readonly stdio: Target;
  readonly http: Target;
  readonly sse: Target;
  readonly gatewayHttp: Target;
  /** A home without keys, for a host that gives up while they are made. */
  fresh(name: string): Promise<Target>;
}

export interface Row {
  /** As npm knows it. */
  readonly client: string;
  /** Through what else than the client itself. */
  readonly by: string;
  readonly transport: string;
  ask(here: Installation, places: Places, call: Call): Promise<Report>;
}

const DRIVERS: Readonly<Record<string, string>> = {
  '@modelcontextprotocol/sdk': 'sdk-v1',
  '@modelcontextprotocol/client': 'sdk-v2',
  '@ai-sdk/mcp': 'ai-sdk',
  '@langchain/mcp-adapters': 'langchain',
  'mcp-use': 'mcp-use',
};
/** By which others' bridges are driven. */
const DRIVING = 'sdk-v1';
const GATEWAY = 'supergateway';

type Place = 'stdio' | 'http' | 'sse';
type Ask = (here: Installation, target: Target, call: Call) => Promise<Report>;

const NAMES: Readonly<Record<Place, string>> = { stdio: 'stdio', http: 'Streamable HTTP', sse: 'HTTP+SSE' };

function everywhere(client: string, ask: Ask): Row[] {
  return (['stdio', 'http', 'sse'] as const).map((place) => ({
    client,
    // The local server does not offer it itself.
    by: place === 'sse' ? GATEWAY : '',
    transport: NAMES[place],
    ask: (here, places, call) => ask(here, places[place], call),
  }));
}

/** A command on stdio that speaks something else to the server. */
function bridged(
  client: string,
  place: 'http' | 'sse',
  command: (here: Installation, target: Target) => string[],
): Row {
  return {
    client,
    by: place === 'sse' && client !== GATEWAY ? GATEWAY : '',
    transport: `stdio ↔ ${NAMES[place]}`,
    ask: (here, places, call) => {
      const { command: node, env } = places.stdio;
      const target = { ...places.stdio, command: node, env, args: command(here, places[place]) };
      return askDriver(here, DRIVING, target, call);
    },
  };
}

function patience(timeoutMs: number): Row {
  return {
    client: '@modelcontextprotocol/sdk',
    by: '',
    transport: `stdio, gives up after ${timeoutMs / 1000} s and asks again`,
    ask: async (here, places, call) => {
      const target = await places.fresh(`patience-${timeoutMs}`);
      const report = await askDriver(here, DRIVING, target, { ...call, timeoutMs });
      if (report.answer.key_sets !== 1) throw new Error(`${report.answer.key_sets} sets of keys were made`);
      return report;
    },
  };
}

export const ROWS: readonly Row[] = [
  ...Object.entries(DRIVERS).flatMap(([client, driver]) =>
    everywhere(client, (here, target, call) => askDriver(here, driver, target, call)),
  ),
  ...everywhere('mcporter', askMcporter),
  ...everywhere('@modelcontextprotocol/inspector', askInspector),
  bridged('mcp-remote', 'http', (here, { url, headers }) => [
    ...[here.file('mcp-remote', 'dist/proxy.js'), url, '--transport', 'http-only'],
    ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}:${value}`]),
  ]),
  bridged('mcp-remote', 'sse', (here, { url }) => [
    ...[here.file('mcp-remote', 'dist/proxy.js'), url, '--transport', 'sse-only'],
  ]),
  bridged(GATEWAY, 'http', (here, { url, headers }) => [
    ...[here.file(GATEWAY, 'dist/index.js'), '--streamableHttp', url, '--logLevel', 'none'],
    ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
  ]),
  bridged(GATEWAY, 'sse', (here, { url }) => [
    ...[here.file(GATEWAY, 'dist/index.js'), '--sse', url, '--logLevel', 'none'],
  ]),
  {
    client: GATEWAY,
    by: '',
    transport: 'Streamable HTTP ↔ stdio',
    ask: (here, { gatewayHttp }, call) => askDriver(here, DRIVING, gatewayHttp, call),
  },
  patience(1000),
  patience(5000),
];
