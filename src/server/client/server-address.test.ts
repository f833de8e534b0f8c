import { describe, expect, it } from 'vitest';
import { parseServerAddress, serverName } from './server-address.ts';

describe('parseServerAddress', () => {
  it.each([
    ['https://host.example:8443', 'http', 'https://host.example:8443/mcp'],
    ['https://host.example/he/mcp', 'http', 'https://host.example/he/mcp'],
    ['http://127.0.0.1:8443', 'http', 'http://127.0.0.1:8443/mcp'],
    ['http://[::1]:1/', 'http', 'http://[::1]:1/mcp'],
    ['http://localhost:1', 'http', 'http://localhost:1/mcp'],
    ['sse+http://127.0.0.1:1', 'sse', 'http://127.0.0.1:1/sse'],
    ['sse+https://host.example/events', 'sse', 'https://host.example/events'],
  ])('reads %s', (text, kind, url) => {
    expect(parseServerAddress(text)).toEqual({ kind, url: new URL(url) });
  });

  it('reads commands, with quotes', () => {
    expect(parseServerAddress('stdio:node "a b.js" --stdio')).toEqual({
      kind: 'stdio',
      command: 'node',
      args: ['a b.js', '--stdio'],
    });
  });

  it.each([
    'http://host.example:8443',
    'http://127.0.0.1.evil.example',
    'http://localhost.evil.example',
    'http://10.0.0.1',
    'http://0.0.0.0',
    'sse+http://host.example',
    'https://user:password@host.example',
    'ftp://127.0.0.1',
    'file:///etc/passwd',
    'host.example',
    'stdio:',
    '',
  ])('refuses %s', (text) => {
    expect(() => parseServerAddress(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('does not repeat a password in its message', () => {
    expect(() => parseServerAddress('https://user:hunter2@host.example')).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') as string }),
    );
  });

  it('names a host the same over both HTTP transports', () => {
    const names = ['https://h.example/mcp', 'sse+https://h.example'].map((text) =>
      serverName(parseServerAddress(text)),
    );
    expect(names).toEqual(['https://h.example', 'https://h.example']);
  });
});
