/** Addresses that only this machine reaches: what goes there needs no TLS. */

/** @param host a name, an address without brackets, or the folder of a Unix socket */
export function isOwnAddress(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\./.test(host);
}
