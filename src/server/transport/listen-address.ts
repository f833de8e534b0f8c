/** Where a server listens, and which names it may be called by. */
import { isIP } from 'node:net';
import { UsageError } from '../../errors.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** "127.0.0.1:8443", "[::1]:8443", "localhost:0". @throws UsageError */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new UsageError('USAGE', `"${text}" is not an address`, {
      hint: 'write HOST:PORT, for example 127.0.0.1:8443',
    });
  }
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port };
}

/** Only literal addresses and "localhost": other names may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  if (isIP(host) === 4) return host.startsWith('127.');
  return isIP(host) === 6 && /^(0*:)*0*1$/.test(host);
}

/** Names in Host headers that mean this server. */
export function hostNames({ host }: ListenAddress, extra: readonly string[]): string[] {
  const own = isIP(host) === 6 ? `[${host}]` : host;
  const loopback = isLoopback(host) ? ['localhost', '127.0.0.1', '[::1]'] : [];
  return [...new Set([own, ...loopback, ...extra])];
}
