/** The token that stands between the loopback listener and other users and programs of this machine. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export function newLoopbackToken(): string {
  return randomBytes(32).toString('base64url');
}

/** In constant time. */
export function tokensMatch(given: string, expected: string): boolean {
  return timingSafeEqual(digest(given), digest(expected));
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
