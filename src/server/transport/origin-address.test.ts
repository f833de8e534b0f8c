import { describe, expect, it } from 'vitest';
import { DEFAULT_PROXY_HEADER, neighbourhoodOf, Origins } from './origin-address.ts';

type Asked = Parameters<Origins['of']>[0];

/** @param headers each as it came in a line of its own */
function request(remoteAddress: string | undefined, ...headers: string[]): Asked {
  return { socket: { remoteAddress }, headersDistinct: { 'x-forwarded-for': headers } } as unknown as Asked;
}

function origins(...addresses: string[]): Origins {
  return new Origins({ addresses, header: DEFAULT_PROXY_HEADER });
}

describe('where a request comes from', () => {
  it('is the address of the connection, whatever a header says of it', () => {
    expect(origins().of(request('192.0.2.7', '198.51.100.1'))).toBe('192.0.2.7');
    expect(origins('10.0.0.1').of(request('192.0.2.7', '198.51.100.1'))).toBe('192.0.2.7');
    expect(origins().of(request(undefined))).toBe('unknown');
  });

  it('is what a trusted proxy says, and not what was in the header before', () => {
    const behind = origins('10.0.0.0/8', '2001:db8::1');
    expect(behind.of(request('10.1.2.3', '198.51.100.1'))).toBe('198.51.100.1');
    expect(behind.of(request('10.1.2.3', '203.0.113.9, 198.51.100.1'))).toBe('198.51.100.1');
    expect(behind.of(request('10.1.2.3', '203.0.113.9', '198.51.100.1'))).toBe('198.51.100.1');
    expect(behind.of(request('::ffff:10.1.2.3', '198.51.100.1:4711'))).toBe('198.51.100.1');
    expect(behind.of(request('2001:db8::1', '203.0.113.9, 198.51.100.1, 10.9.9.9'))).toBe('198.51.100.1');
    // Of a proxy that says nothing, or nonsense, it is the proxy's own.
    expect(behind.of(request('10.1.2.3'))).toBe('10.1.2.3');
    expect(behind.of(request('10.1.2.3', '198.51.100.1, somebody'))).toBe('10.1.2.3');
    expect(behind.of(request('10.1.2.3', '10.0.0.2'))).toBe('10.0.0.2');
    expect(behind.isProxy('::ffff:10.0.0.2')).toBe(true);
    expect(behind.isProxy('192.0.2.7')).toBe(false);
  });

  it('is one for all IPv6 addresses of a network that one client is given', () => {
    const one = origins().of(request('2001:db8:1:2:3:4:5:6'));
    expect(one).toBe('2001:db8:1:2::/64');
    expect(origins().of(request('2001:db8:1:2::1'))).toBe(one);
    expect(origins().of(request('2001:0db8:1:2::%eth0'))).toBe(one);
    expect(origins().of(request('2001:db8:1:3::1'))).not.toBe(one);
    expect(origins().of(request('::1'))).toBe('0:0:0:0::/64');
    expect(origins().of(request('::ffff:192.0.2.7'))).toBe('192.0.2.7');
  });

  it('has a neighbourhood, which somebody may have whole', () => {
    expect(neighbourhoodOf('192.0.2.7')).toBe('192.0.2.0/24');
    const of = (address: string): string => neighbourhoodOf(origins().of(request(address)));
    expect(of('2001:db8:1:2::1')).toBe('2001:db8:1::/48');
    expect(of('2001:db8:1:ffff::1')).toBe('2001:db8:1::/48');
    expect(of('2001:db8:2::1')).toBe('2001:db8:2::/48');
    expect(neighbourhoodOf('unknown')).toBe('unknown');
  });

  it.each(['proxy.example', '10.0.0.0/33', '::1/129', '10.0.0', '/8', ''])('"%s" names no proxy', (text) => {
    expect(() => origins(text)).toThrow('is not the address of a proxy');
  });
});
