/** What every blob store must do, whatever is behind it. A store is tested by being opened: what it is made of stays its own. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlobStore } from '../blob-store.ts';
import { KILLED_SEED, killWhilePutting } from './kill-while-putting.ts';
import { patternBytes } from './pattern-bytes.ts';
import type { StoreWhereabouts } from './store-whereabouts.ts';

const MB = 1e6;
/** Larger than one page of any list of an object store, which is of a thousand. */
const MANY = 2500;
const AT_ONCE = 16;
/** Every character that a key may have, and segments that begin with those that are first by code. */
const ODD_KEYS = [
  'abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMNOPQRSTUVWXYZ/0123456789',
  'a-b_c.d/-x/_y/0.z/a..b/c--',
  'a.tar.gz',
];

/** An opened store that holds nothing, and what it takes to leave it. */
export interface BlobStoreSubject extends AsyncDisposable {
  readonly store: BlobStore;
  /** The same store as another process finds it when it starts. */
  reopen(): Promise<BlobStore>;
  /** For the process that is killed while it puts. */
  readonly whereabouts: StoreWhereabouts;
}

/**
 * Registers the suite.
 * @param open a store without any blobs; it is opened once for all tests, whose keys differ
 * @param skip why the suite cannot run here; null where it can
 */
export function describeBlobStore(
  name: string,
  open: () => Promise<BlobStoreSubject>,
  skip: string | null = null,
): void {
  describe.skipIf(skip !== null)(skip === null ? name : `${name} (${skip})`, () => {
    let subject: BlobStoreSubject;
    let store: BlobStore;
    beforeAll(async () => {
      subject = await open();
      store = subject.store;
    });
    afterAll(async () => {
      await subject[Symbol.asyncDispose]();
    });

    it('gives back what was put, joined', async () => {
      const pieces = [patternBytes(3, 1), patternBytes(0, 2), patternBytes(70_000, 3), patternBytes(1, 4)];
      await store.put('whole/joined', pieces);
      const whole = Buffer.concat(pieces);
      expect(same(await store.get('whole/joined'), whole)).toBe(true);
      expect(await store.size('whole/joined')).toBe(whole.length);
      expect(await store.has('whole/joined')).toBe(true);
    });

    it.each([
      ['no pieces', []],
      ['an empty piece', [new Uint8Array(0)]],
    ])('keeps a value of %s', async (what, pieces) => {
      const key = `empty/${what.replaceAll(' ', '-')}`;
      await store.put(key, pieces);
      expect(await store.get(key)).toHaveLength(0);
      expect(await store.size(key)).toBe(0);
      expect(await store.has(key)).toBe(true);
      expect(await store.getRange(key, 0, 0)).toHaveLength(0);
    });

    it('takes values of many megabytes, in pieces of any size, and does not change them', async () => {
      const pieces = [
        patternBytes(5 * MB, 5),
        patternBytes(1, 6),
        patternBytes(4.2 * MB, 7),
        patternBytes(17 * MB, 8),
      ];
      const before = pieces.map((piece) => Buffer.from(piece));
      await store.put('large/value', pieces);
      expect(pieces.every((piece, i) => same(piece, before[i]!))).toBe(true);
      expect(same(await store.get('large/value'), Buffer.concat(before))).toBe(true);
    });

    it('takes pieces that are views of a larger buffer', async () => {
      const buffer = patternBytes(100, 9);
      await store.put('whole/views', [buffer.subarray(10, 20), buffer.subarray(50, 60)]);
      const whole = Buffer.concat([buffer.subarray(10, 20), buffer.subarray(50, 60)]);
      expect(same(await store.get('whole/views'), whole)).toBe(true);
    });

    it('reads ranges, within and across whatever it divides values into', async () => {
      const bytes = patternBytes(13 * MB, 10);
      await store.put('ranges/value', [bytes]);
      const MIB = 2 ** 20;
      const cases = [
        [0, 1],
        [0, 13 * MB],
        [13 * MB - 1, 1],
        [4 * MIB - 1, 2],
        [4 * MIB, MIB],
        [5, 9 * MIB],
        [8 * MIB - 10, 20],
        [7, 0],
      ] as const;
      for (const [start, length] of cases) {
        const range = await store.getRange('ranges/value', start, length);
        expect(same(range, bytes.subarray(start, start + length)), `${start}+${length}`).toBe(true);
      }
    });

    it('refuses ranges that reach beyond the end', async () => {
      await store.put('ranges/short', [patternBytes(10, 11)]);
      for (const [start, length] of [
        [5, 6],
        [10, 1],
        [100, 1],
      ] as const) {
        const range = store.getRange('ranges/short', start, length);
        await expect(range, `${start}+${length}`).rejects.toMatchObject({ code: 'INTERNAL' });
      }
    });

    it('tells that there is nothing', async () => {
      await store.put('missing/a', [patternBytes(1, 12)]);
      for (const key of ['missing', 'missing/b', 'missing/a/b', 'nowhere/at/all']) {
        expect(await store.has(key), key).toBe(false);
        await expect(store.get(key), key).rejects.toMatchObject({ code: 'INTERNAL' });
        await expect(store.getRange(key, 0, 1), key).rejects.toMatchObject({ code: 'INTERNAL' });
        await expect(store.getRange(key, 0, 0), key).rejects.toMatchObject({ code: 'INTERNAL' });
        await expect(store.size(key), key).rejects.toMatchObject({ code: 'INTERNAL' });
      }
      expect(await store.list('nowhere')).toEqual([]);
      await store.delete('nowhere/at/all');
      await store.deleteAll('nowhere');
      expect(await store.has('missing/a')).toBe(true);
    });

    it('takes every name that is a key', async () => {
      for (const [i, key] of ODD_KEYS.entries()) await store.put(key, [patternBytes(i + 1, i)]);
      for (const [i, key] of ODD_KEYS.entries()) {
        expect(same(await store.get(key), patternBytes(i + 1, i)), key).toBe(true);
      }
      for (const key of ODD_KEYS) await store.delete(key);
      for (const key of ODD_KEYS) expect(await store.has(key), key).toBe(false);
    });

    it.each([
      '',
      '/a',
      'a/',
      'a//b',
      '../a',
      'a/../b',
      './a',
      '.hidden',
      'a/.aside-1',
      'a b',
      'ä',
      'a\0b',
      'a%2fb',
    ])('refuses the name %j', async (key) => {
      const refused = { code: 'INTERNAL', message: expect.stringContaining('no key of a blob') as string };
      await expect(store.put(key, [])).rejects.toMatchObject(refused);
      await expect(store.get(key)).rejects.toMatchObject(refused);
      await expect(store.getRange(key, 0, 0)).rejects.toMatchObject(refused);
      await expect(store.size(key)).rejects.toMatchObject(refused);
      await expect(store.has(key)).rejects.toMatchObject(refused);
      await expect(store.delete(key)).rejects.toMatchObject(refused);
      await expect(store.deleteAll(key)).rejects.toMatchObject(refused);
      await expect(store.list(key)).rejects.toMatchObject(refused);
    });

    it('takes the same bytes again, however they are cut', async () => {
      const bytes = patternBytes(5 * MB, 13);
      await store.put('again/a', [bytes]);
      await store.put('again/a', [bytes.subarray(0, 100), bytes.subarray(100)]);
      expect(same(await store.get('again/a'), bytes)).toBe(true);
      expect(await store.list('again')).toEqual(['a']);
    });

    it('lists what is directly below a prefix, sorted, each name once', async () => {
      const keys = ['b', 'B', 'a10', 'a1', 'a.b', 'a-b', '_', 'sub/x', 'sub/y/z', '0'];
      for (const key of keys) await store.put(`names/${key}`, [patternBytes(1, 14)]);
      await store.put('names2/no', [patternBytes(1, 14)]);
      expect(await store.list('names')).toEqual(['0', 'B', '_', 'a-b', 'a.b', 'a1', 'a10', 'b', 'sub']);
      expect(await store.list('names/sub')).toEqual(['x', 'y']);
      expect(await store.list('names/a1')).toEqual([]);
    });

    it('deletes what is below a prefix, and stops at the end of a segment', async () => {
      const gone = ['drop/1/a', 'drop/1/b/c', 'drop/1/b/d'];
      const kept = ['drop/10/a', 'drop/1-/a', 'drop/1.a', 'drop/1_', 'drop/2', 'drop2'];
      for (const key of [...gone, ...kept]) await store.put(key, [patternBytes(1, 15)]);
      await store.deleteAll('drop/1');
      for (const key of gone) expect(await store.has(key), key).toBe(false);
      for (const key of kept) expect(await store.has(key), key).toBe(true);
      expect(await store.list('drop')).toEqual(['1-', '1.a', '10', '1_', '2']);
      await store.deleteAll('drop/2');
      expect(await store.has('drop/2')).toBe(false);
    });

    it('lists and deletes more than fits one page of any store', async () => {
      const names = Array.from({ length: MANY }, (_, i) => `n${String(i).padStart(5, '0')}`);
      await together(names, (name) => store.put(`many/${name}`, [patternBytes(1, 16)]));
      await store.put('many2/kept', [patternBytes(1, 16)]);
      expect(await store.list('many')).toEqual(names);
      await store.deleteAll('many');
      expect(await store.list('many')).toEqual([]);
      expect(await store.has('many/n00000')).toBe(false);
      expect(await store.has(`many/${names.at(-1)!}`)).toBe(false);
      expect(await store.has('many2/kept')).toBe(true);
    });

    it('takes many values at a time, the same one among them', async () => {
      const sizes = Array.from({ length: 24 }, (_, i) => (i % 4 === 0 ? 9 * MB : 1000 + i));
      const same9 = patternBytes(9 * MB, 99);
      await Promise.all([
        ...sizes.map((size, i) => store.put(`together/k${i}`, [patternBytes(size, i)])),
        ...Array.from({ length: 4 }, () => store.put('together/same', [same9])),
      ]);
      for (const [i, size] of sizes.entries()) {
        expect(same(await store.get(`together/k${i}`), patternBytes(size, i)), `k${i}`).toBe(true);
      }
      expect(same(await store.get('together/same'), same9)).toBe(true);
    });

    it('shows nothing, or the whole, of what a process was killed over', async () => {
      let absent = 0;
      for (let attempt = 0; attempt < 6; attempt++) {
        const key = `killed/k${attempt}`;
        const bytes = 48 * MB;
        // From the first bytes on to where much is on its way.
        await killWhilePutting(subject.whereabouts, key, bytes, 25 * attempt);
        const after = await subject.reopen();
        const names = await after.list('killed');
        if (await after.has(key)) {
          expect(names).toContain(`k${attempt}`);
          expect(same(await after.get(key), patternBytes(bytes, KILLED_SEED))).toBe(true);
        } else {
          absent++;
          expect(names).not.toContain(`k${attempt}`);
          // And nothing stands in the way of another attempt.
          await after.put(key, [patternBytes(9, 17)]);
          expect(same(await after.get(key), patternBytes(9, 17))).toBe(true);
        }
      }
      expect(absent).toBeGreaterThan(0);
    });
  });
}

/** Says less than a difference of megabytes would. */
function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}

async function together<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const item of rest) await action(item);
    }),
  );
}
