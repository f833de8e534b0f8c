/**
 * Shares of 32-byte secrets (Shamir, CACM 1979) over GF(256), byte by byte, of the audited package: 32 bytes, and the point that they belong to.
 */
import { combine, split } from 'shamir-secret-sharing';

export const SHARE_BYTES = 33;

/** @returns `count` shares, any `threshold` of which give the secret and fewer nothing. */
export async function shareSecret(
  secret: Uint8Array,
  count: number,
  threshold: number,
): Promise<Uint8Array[]> {
  return split(Uint8Array.from(secret), count, threshold);
}

/**
 * The secret that `accept` knows as the right one, of any run of `threshold` shares in a row: one share that is wrong then spoils nothing as long
 * as there is one to spare.
 * @returns null if there is none
 */
export async function rebuildSecret(
  shares: readonly Uint8Array[],
  threshold: number,
  accept: (secret: Uint8Array) => boolean,
): Promise<Uint8Array | null> {
  if (shares.length < threshold) return null;
  const runs = shares.length === threshold ? 1 : shares.length;
  for (let start = 0; start < runs; start++) {
    const run = Array.from({ length: threshold }, (_, i) =>
      Uint8Array.from(shares[(start + i) % shares.length]!),
    );
    // Two shares at one point are refused, and one at zero would be the secret itself.
    const points = new Set(run.map((share) => share[SHARE_BYTES - 1]!));
    if (points.size !== threshold || points.has(0)) continue;
    const secret = await combine(run);
    if (accept(secret)) return secret;
  }
  return null;
}
