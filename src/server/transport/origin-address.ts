/**
 * Whom a request counts against before it is known whose it is: the address that it comes from. Behind a proxy that is the proxy, for
 * everyone; where the operator names the proxy, the address is taken from the header in which the proxy says it.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { UsageError } from '../../errors.ts';

export interface ProxyTrust {
  /** Addresses or networks ("10.0.0.0/8") of proxies whose header is believed. */
  readonly addresses: readonly string[];
  /** In which each proxy appends the address that it was asked from. */
  readonly header: string;
}

export const DEFAULT_PROXY_HEADER = 'x-forwarded-for';
export const NO_PROXY: ProxyTrust = { addresses: [], header: DEFAULT_PROXY_HEADER };

/** Longer chains of proxies than anyone has; what stands before is made up. */
const MAX_HOPS = 16;
/** What a household or an office is given: whoever has one address of it has all. */
const IPV6_PREFIX_GROUPS = 4;
const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

export class Origins {
  readonly #proxies = new BlockList();
  readonly #header: string;

  /** @throws UsageError */
  constructor({ addresses, header }: ProxyTrust) {
    this.#header = header.toLowerCase();
    for (const text of addresses) this.#trust(text);
  }

  /** Many callers share this address, if it is a proxy's. */
  isProxy(address: string): boolean {
    const plain = plainAddress(address);
    return this.#proxies.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  }

  /** The last address that no trusted proxy has; what is before it anybody could have written. */
  of(request: Pick<IncomingMessage, 'socket' | 'headersDistinct'>): string {
    let address = plainAddress(request.socket.remoteAddress ?? '');
    const hops = (request.headersDistinct[this.#header] ?? []).join(',').split(',').slice(-MAX_HOPS);
    while (isIP(address) !== 0 && this.isProxy(address)) {
      const before = plainAddress(hops.pop()?.trim() ?? '');
      if (isIP(before) === 0) break;
      address = before;
    }
    return address === '' ? 'unknown' : networkOf(address);
  }

  #trust(text: string): void {
    const [, address = '', bits] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const version = isIP(address);
    if (version === 0 || Number(bits ?? 0) > (version === 6 ? 128 : 32)) {
      throw new UsageError('USAGE', `"${text}" is not the address of a proxy`, {
        hint: 'write an address or a network, for example 127.0.0.1 or 10.0.0.0/8',
      });
    }
    const family = version === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) this.#proxies.addAddress(address, family);
    else this.#proxies.addSubnet(address, Number(bits), family);
  }
}

/**
 * The network that an origin belongs to, of which somebody may well have all: the /24 of an IPv4 address, the /48 of an IPv6 one; else itself.
 * Not who a request counts against, since neighbours are others.
 */
export function neighbourhoodOf(origin: string): string {
  const [, ipv4] = /^(\d+\.\d+\.\d+)\.\d+$/.exec(origin) ?? [];
  if (ipv4 !== undefined) return `${ipv4}.0/24`;
  const [, ipv6] = /^([\da-f]+:[\da-f]+:[\da-f]+):[\da-f]+::\/64$/.exec(origin) ?? [];
  return ipv6 === undefined ? origin : `${ipv6}::/48`;
}

/** Without brackets, port and zone; IPv4 as such where the system maps it into IPv6. */
function plainAddress(text: string): string {
  const bare =
    /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text)?.[1] ?? text;
  const address = bare.replace(/%.*$/, '');
  return MAPPED_IPV4.exec(address)?.[1] ?? address;
}

/** IPv6 by the network that a client is given, since it may use any address of it. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return `${groups
    .slice(0, IPV6_PREFIX_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
