/** What a server lets be read besides its tools, as MCP's resources, prompts and completions: the same for every transport. */
import type {
  GetPromptResult,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplateType,
  Server,
  ServerCapabilities,
  ServerContext,
} from '@modelcontextprotocol/server';
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError } from '@modelcontextprotocol/server';
import { asProtocolError } from './refusals.ts';

export interface DocumentPrompt extends Prompt {
  /** @param given every required argument, and no unknown one */
  readonly messages: (given: Readonly<Record<string, string>>) => GetPromptResult['messages'];
}

export interface DocumentLibrary {
  readonly templates: readonly ResourceTemplateType[];
  readonly prompts: readonly DocumentPrompt[];
  list(): readonly Resource[];
  /** Null where there is no such document. */
  read(uri: string): ReadResourceResult['contents'][number] | null;
  /** What a template's variable or a prompt's argument may be; empty where anything may. */
  valuesOf(argument: string): readonly string[];
}

/** To be declared by a server that has it. */
export function documentCapabilities({ templates }: DocumentLibrary): ServerCapabilities {
  return { ...(templates.length === 0 ? {} : { resources: {} }), prompts: {}, completions: {} };
}

/** A completion names so many values at most (the protocol's limit). */
const MOST_VALUES = 100;

/** @param admit counts a reading against whoever asks; it rejects with ToolError ERROR_RATE_LIMITED */
export function serveDocuments(
  server: Server,
  library: DocumentLibrary,
  admit: (context: ServerContext) => Promise<void>,
): void {
  const { templates, prompts } = library;
  const promptOf = (name: string): DocumentPrompt => {
    const prompt = prompts.find((one) => one.name === name);
    if (prompt === undefined) throw invalid('Unknown prompt');
    return prompt;
  };
  if (templates.length > 0) serveResources(server, library, admit);
  server.setRequestHandler('prompts/list', () => ({
    prompts: prompts.map(({ messages: _, ...prompt }) => prompt),
  }));
  server.setRequestHandler('prompts/get', ({ params }) => {
    const { description, arguments: expected = [], messages } = promptOf(params.name);
    const given = params.arguments ?? {};
    const missing = expected.find(({ name, required }) => required === true && given[name] === undefined);
    if (missing !== undefined) throw invalid(`argument ${missing.name} is missing`);
    const known = new Set(expected.map(({ name }) => name));
    if (Object.keys(given).some((name) => !known.has(name))) throw invalid('unknown argument');
    return { ...(description === undefined ? {} : { description }), messages: messages(given) };
  });
  server.setRequestHandler('completion/complete', ({ params: { ref, argument } }) => {
    if (ref.type === 'ref/prompt') promptOf(ref.name);
    else if (!templates.some(({ uriTemplate }) => uriTemplate === ref.uri)) throw invalid('Unknown template');
    const fitting = library.valuesOf(argument.name).filter((value) => value.startsWith(argument.value));
    return {
      completion: {
        values: fitting.slice(0, MOST_VALUES),
        total: fitting.length,
        hasMore: fitting.length > MOST_VALUES,
      },
    };
  });
}

function serveResources(
  server: Server,
  library: DocumentLibrary,
  admit: (context: ServerContext) => Promise<void>,
): void {
  server.setRequestHandler('resources/list', () => ({ resources: [...library.list()] }));
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: [...library.templates] }));
  server.setRequestHandler('resources/read', async ({ params }, context) => {
    try {
      await admit(context);
      const contents = library.read(params.uri);
      if (contents === null) throw new ResourceNotFoundError(params.uri);
      return { contents: [contents] };
    } catch (thrown) {
      throw asProtocolError({}, context.mcpReq.method, thrown);
    }
  });
}

function invalid(message: string): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
