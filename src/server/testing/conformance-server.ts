/**
 * A server of the tools that the protocol's conformance suite calls (`test_simple_text`, …), on the HTTP listener that the
 * product's servers use: the suite then exercises that listener, and not only refusals of unknown tools.
 */
import type { CallToolResult, InputRequiredResult, ServerContext, Tool } from '@modelcontextprotocol/server';
import {
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
  Server,
} from '@modelcontextprotocol/server';
import type { DocumentLibrary, DocumentPrompt } from '../transport/documents.ts';
import { documentCapabilities, serveDocuments } from '../transport/documents.ts';
import type { HttpListener } from '../transport/http-listener.ts';
import { RateLimiter } from '../transport/rate-limiter.ts';
import { listenHttp } from '../transport/http-listener.ts';
import { ConformanceTasks, TASK_TOOLS } from './conformance-tasks.ts';

/** One red pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** A RIFF header and no samples. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=';

type Content = CallToolResult['content'];
type Result = Content | InputRequiredResult;
type FixtureTool = Omit<Tool, 'name'> & { run(context: ServerContext): Result | Promise<Result> };

const text = (message: string): Content[number] => ({ type: 'text', text: message });
const image: Content[number] = { type: 'image', data: PNG, mimeType: 'image/png' };
const resource = (uri: string, body: string): Content[number] => ({
  type: 'resource',
  resource: { uri, mimeType: 'text/plain', text: body },
});

function fixture(description: string, run: FixtureTool['run']): FixtureTool {
  return { description, inputSchema: { type: 'object', properties: {} }, run };
}

async function reportProgress({ mcpReq }: ServerContext): Promise<Content> {
  const progressToken = mcpReq._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progressToken === undefined) break;
    await mcpReq.notify({
      method: 'notifications/progress',
      params: { progressToken, progress, total: 100 },
    });
  }
  return [text('Done')];
}

/** What a client of the stateless revision says with every request that it can do; others cannot be asked in this way. */
function requireCapability(context: ServerContext, capability: 'sampling' | 'elicitation'): void {
  const envelope: Readonly<Record<string, unknown>> = context.mcpReq.envelope ?? {};
  const declared = envelope[CLIENT_CAPABILITIES_META_KEY];
  if (typeof declared === 'object' && declared !== null && capability in declared) return;
  throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { [capability]: {} } });
}

/** Asks by its result, which says what is missing; never by a request of its own on the stream. */
function askForName(context: ServerContext): Result {
  requireCapability(context, 'elicitation');
  if (context.mcpReq.inputResponses !== undefined) return [text('Done')];
  const question = inputRequired.elicit({
    message: 'What is your name?',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  });
  return inputRequired({ inputRequests: { name: question } });
}

const TOOLS: Readonly<Record<string, FixtureTool>> = {
  test_simple_text: fixture('Text', () => [text('This is a simple text response for testing.')]),
  test_image_content: fixture('An image', () => [image]),
  test_audio_content: fixture('Audio', () => [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }]),
  test_embedded_resource: fixture('A resource', () => [
    resource('test://embedded-resource', 'This is an embedded resource content.'),
  ]),
  test_multiple_content_types: fixture('Text, image and resource', () => [
    text('Multiple content types test:'),
    image,
    resource('test://mixed-content-resource', '{"test":"data"}'),
  ]),
  test_error_handling: fixture('Fails', () => {
    throw new Error('This tool intentionally returns an error for testing');
  }),
  test_missing_capability: fixture('Needs a client that samples', (context) => {
    requireCapability(context, 'sampling');
    return [text('Done')];
  }),
  test_streaming_elicitation: fixture('Asks for a name', askForName),
  test_tool_with_progress: fixture('Reports progress', reportProgress),
  json_schema_2020_12_tool: {
    description: 'Its schema uses keywords of JSON Schema 2020-12',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          $anchor: 'addressDef',
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: {
        name: { type: 'string' },
        address: { $ref: '#/$defs/address' },
        contactMethod: { type: 'string', enum: ['phone', 'email'] },
        phone: { type: 'string' },
        email: { type: 'string' },
      },
      allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
      if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
      then: { required: ['phone'] },
      else: { required: ['email'] },
      additionalProperties: false,
    },
    run: () => [text('Done')],
  },
};

const STATIC_TEXT = 'test://static-text';
const STATIC_BINARY = 'test://static-binary';
const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/u;

function prompt(name: string, messages: DocumentPrompt['messages'], ...names: string[]): DocumentPrompt {
  const expected = names.map((argument) => ({ name: argument, required: true }));
  return { name, description: name, ...(names.length === 0 ? {} : { arguments: expected }), messages };
}

const user = (content: Content[number]): ReturnType<DocumentPrompt['messages']>[number] => ({
  role: 'user',
  content,
});

const DOCUMENTS: DocumentLibrary = {
  templates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  prompts: [
    prompt('test_simple_prompt', () => [user(text('This is a simple prompt for testing.'))]),
    prompt(
      'test_prompt_with_arguments',
      ({ arg1, arg2 }) => [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
      'arg1',
      'arg2',
    ),
    prompt(
      'test_prompt_with_embedded_resource',
      ({ resourceUri }) => [
        user(resource(resourceUri!, 'Embedded resource content for testing.')),
        user(text('Please process the embedded resource above.')),
      ],
      'resourceUri',
    ),
    prompt('test_prompt_with_image', () => [user(image), user(text('Please analyze the image above.'))]),
  ],
  list: () => [
    { uri: STATIC_TEXT, name: 'static-text', mimeType: 'text/plain' },
    { uri: STATIC_BINARY, name: 'static-binary', mimeType: 'image/png' },
  ],
  read(uri) {
    if (uri === STATIC_TEXT) return { uri, mimeType: 'text/plain', text: 'This is the content.' };
    if (uri === STATIC_BINARY) return { uri, mimeType: 'image/png', blob: PNG };
    const id = TEMPLATE.exec(uri)?.[1];
    if (id === undefined) return null;
    return { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true }) };
  },
  valuesOf: () => ['paris', 'park', 'party'],
};

function createFixtureServer(tasks: ConformanceTasks, modern: boolean): Server {
  const capabilities = {
    tools: {},
    ...documentCapabilities(DOCUMENTS),
    ...tasks.form(modern).capabilities(true),
  };
  const server = new Server({ name: 'conformance-fixture', version: '1' }, { capabilities });
  serveDocuments(server, DOCUMENTS, async () => undefined);
  tasks.serve(server, modern);
  const tools = Object.entries(TOOLS).map(([name, { description, inputSchema }]) => {
    return { name, ...(description === undefined ? {} : { description }), inputSchema };
  });
  server.setRequestHandler('tools/list', () => ({ tools: [...tools, ...TASK_TOOLS] }));
  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const answer = await tasks.call(params, modern, context);
    if (answer !== null) return answer;
    const tool = TOOLS[params.name];
    if (tool === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Unknown tool');
    try {
      const result = await tool.run(context);
      return Array.isArray(result) ? { content: result } : result;
    } catch (thrown) {
      if (thrown instanceof ProtocolError) throw thrown;
      return { content: [text(thrown instanceof Error ? thrown.message : 'failed')], isError: true };
    }
  });
  return server;
}

/** On a free loopback port. */
export function listenForConformance(): Promise<HttpListener> {
  const tasks = new ConformanceTasks();
  return listenHttp((request) => createFixtureServer(tasks, request?.era === 'modern'), {
    address: { host: '127.0.0.1', port: 0 },
    tls: null,
    sse: true,
    maxBodyBytes: 4 * 2 ** 20,
    allowedHosts: [],
    allowedOrigins: [],
    sessions: { all: 100, perCaller: 100, idleMs: 60_000 },
    admission: {
      ...{ connections: 256, connectionsPerOrigin: 256 },
      ...{ bodyBytes: 64 * 2 ** 20, bodyBytesPerCaller: 64 * 2 ** 20 },
      bodyBytesOfStrangers: 64 * 2 ** 20,
    },
    rates: {
      requests: new RateLimiter(1e6, 1e6),
      bytes: new RateLimiter(1e9, 1e9),
      clientBytes: new RateLimiter(1e9, 1e9),
    },
    holderOf: async () => null,
    requireBearer: false,
    pages: {},
    onError: () => undefined,
  });
}
