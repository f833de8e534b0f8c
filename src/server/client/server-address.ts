/** Where a server is and how it is spoken to. Tokens never travel in the clear beyond this machine. */
import { UsageError } from '../../errors.ts';

export type ServerAddress =
  | { readonly kind: 'http' | 'sse'; readonly url: URL }
  | {
      readonly kind: 'stdio';
      readonly command: string;
      readonly args: readonly string[];
      readonly environment?: Readonly<Record<string, string>>;
    };

const LOOPBACK = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * "https://host:8443" (path /mcp unless one is given), "sse+https://host/sse" for the older transport, or
 * "stdio:COMMAND ARG …" (arguments with spaces in double quotes).
 * @throws UsageError if it is none of these, or plaintext HTTP to another machine
 */
export function parseServerAddress(text: string): ServerAddress {
  if (text.startsWith('stdio:')) {
    const [command, ...args] = words(text.slice('stdio:'.length));
    if (command === undefined) throw invalid(text, 'a command is missing');
    return { kind: 'stdio', command, args };
  }
  const sse = text.startsWith('sse+');
  let url: URL;
  try {
    url = new URL(sse ? text.slice('sse+'.length) : text);
  } catch {
    throw invalid(text, 'it is no URL');
  }
  if (url.username !== '' || url.password !== '') throw invalid('the URL', 'it holds a password');
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw invalid(text, 'expected https, http or stdio');
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname)) {
    throw new UsageError(
      'USAGE',
      `${url.origin} is plaintext HTTP: tokens travel on confidential channels only`,
      {
        hint: 'use https; http is for this machine only',
      },
    );
  }
  if (url.pathname === '/') url.pathname = sse ? '/sse' : '/mcp';
  url.hash = '';
  return { kind: sse ? 'sse' : 'http', url };
}

/** Names the server in stored credentials: transports of one host share them. */
export function serverName(address: ServerAddress): string {
  return address.kind === 'stdio'
    ? `stdio:${[address.command, ...address.args].join(' ')}`
    : address.url.origin;
}

function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function invalid(text: string, reason: string): UsageError {
  return new UsageError('USAGE', `${text} is no address of a server: ${reason}`, {
    hint: 'for example https://inference.example:8443, or http://127.0.0.1:8443',
  });
}
