/** From the survivors' masked updates and the shares that were revealed to their sum. */
import { createHash } from 'node:crypto';
import type { AcceptedRoster } from './accept-roster.ts';
import type { ReceivedVector } from './aggregator-state.ts';
import { privateKeyOf, publicBytes } from './key-agreement.ts';
import type { Mask } from './mask-stream.ts';
import { BLOCK_ELEMENTS, MaskStream } from './mask-stream.ts';
import type { Revelation, RevealedShare, SurvivorList } from './messages.ts';
import { fromBase64, toBase64 } from './messages.ts';
import { pairMask, selfMask } from './pair-masks.ts';
import { rebuildSecret, SHARE_BYTES } from './shamir.ts';

/** Elements `start` … `start + length − 1` of a participant's masked update. */
export type VectorReader = (
  participant: string,
  start: number,
  length: number,
) => Uint32Array | Promise<Uint32Array>;

/**
 * What stands between the sum of the masked updates and the sum: survivors' own masks, and those that they share with who dropped out.
 * @returns masks as they have to be applied to the sum, or whose secret the shares do not give
 */
export async function rebuildMasks(
  roster: AcceptedRoster,
  list: SurvivorList,
  revelations: readonly Revelation[],
): Promise<readonly Mask[] | string> {
  const { threshold } = roster.rules;
  const survivors = new Set(list.survivors);
  const seeds = sharesOf(revelations.map(({ seeds }) => seeds));
  const keys = sharesOf(revelations.map(({ keys }) => keys));
  const masks: Mask[] = [];
  for (const name of list.sharers) {
    const { seedDigest, maskKey } = roster.advertisements.get(name)!;
    if (survivors.has(name)) {
      const right = (seed: Uint8Array): boolean =>
        createHash('sha256').update(seed).digest('hex') === seedDigest;
      const seed = await rebuildSecret(seeds.get(name) ?? [], threshold, right);
      if (seed === null) return `the shares of the seed of ${name} are wrong`;
      masks.push({ ...selfMask(seed, roster, name), sign: -1 });
      continue;
    }
    const right = (key: Uint8Array): boolean => toBase64(publicBytes(privateKeyOf(key))) === maskKey;
    const key = await rebuildSecret(keys.get(name) ?? [], threshold, right);
    if (key === null) return `the shares of the key of ${name} are wrong`;
    const own = privateKeyOf(key);
    for (const other of roster.graph.of(name)) {
      // What it would have applied itself is what the other's mask lacks.
      const mask = survivors.has(other) ? pairMask(own, roster, name, other) : null;
      if (mask !== null) masks.push(mask);
    }
  }
  return masks;
}

function sharesOf(lists: readonly (readonly RevealedShare[])[]): ReadonlyMap<string, readonly Uint8Array[]> {
  const shares = new Map<string, Uint8Array[]>();
  for (const { of, share } of lists.flat()) {
    const those = shares.get(of) ?? [];
    those.push(fromBase64(share, SHARE_BYTES)!);
    shares.set(of, those);
  }
  return shares;
}

/** Blocks of the sum; null, and no more, where a masked update has changed since it was received. */
export async function* openedBlocks(
  masks: readonly Mask[],
  received: readonly ReceivedVector[],
  length: number,
  read: VectorReader,
): AsyncGenerator<Int32Array<ArrayBuffer> | null> {
  const stream = new MaskStream(masks);
  for (let start = 0, index = 0; start < length; start += BLOCK_ELEMENTS, index++) {
    const sum = new Int32Array(Math.min(BLOCK_ELEMENTS, length - start));
    for (const { participant, blocks } of received) {
      const block = await read(participant, start, sum.length);
      const digest = createHash('sha256').update(block).digest('hex');
      if (block.length !== sum.length || digest !== blocks[index]) {
        yield null;
        return;
      }
      for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + block[i]!;
    }
    stream.apply(sum);
    yield sum;
  }
}
