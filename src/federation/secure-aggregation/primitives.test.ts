/** What masks, keys and shares are made of, against published vectors where there are some. */
import { describe, expect, it } from 'vitest';
import { systemBytes } from '../privacy/random-integers.ts';
import { agree, deriveKey, isOfLowOrder, privateKeyOf, publicBytes, publicKeyOf } from './key-agreement.ts';
import { BLOCK_ELEMENTS, MaskStream } from './mask-stream.ts';
import { fromBase64, toBase64 } from './messages.ts';
import { inBlocks } from './regroup.ts';
import { rebuildSecret, shareSecret } from './shamir.ts';
import { BOX_BYTES, openBox, sealBox } from './share-box.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
// RFC 7748, section 6.1.
const ALICE = privateKeyOf(hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
const BOB = privateKeyOf(hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
const BOB_PUBLIC = publicKeyOf(hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f'));
const ALICE_PUBLIC = publicKeyOf(publicBytes(ALICE));

describe('keys', () => {
  it('agree on what RFC 7748 says', () => {
    expect(publicBytes(ALICE).toString('hex')).toBe(
      '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a',
    );
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(agree(ALICE, BOB_PUBLIC)?.toString('hex')).toBe(shared);
    expect(agree(BOB, ALICE_PUBLIC)?.toString('hex')).toBe(shared);
  });

  it.each([
    '00'.repeat(32),
    `01${'00'.repeat(31)}`,
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  ])('of low order agree on nothing: %s', (key) => {
    expect(isOfLowOrder(hex(key))).toBe(true);
    expect(agree(ALICE, publicKeyOf(hex(key)))).toBeNull();
  });

  it('differ by secret, round, purpose and names', () => {
    const [secret, roster] = [hex('01'.repeat(32)), 'a'.repeat(64)];
    const keys = [
      deriveKey(secret, roster, 'self mask', ['a']),
      deriveKey(hex('02'.repeat(32)), roster, 'self mask', ['a']),
      deriveKey(secret, 'b'.repeat(64), 'self mask', ['a']),
      deriveKey(secret, roster, 'pair mask', ['a']),
      deriveKey(secret, roster, 'self mask', ['a', 'b']),
      deriveKey(secret, roster, 'self mask', ['b', 'a']),
      deriveKey(secret, roster, 'self mask', ['x'.repeat(128), 'y'.repeat(128)]),
    ];
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(keys.length);
  });
});

describe('a mask', () => {
  it('is the key stream of AES-256, little endian', () => {
    const block = new Uint32Array(4);
    new MaskStream([{ key: new Uint8Array(32), sign: 1 }]).apply(block);
    // AES-256 of the zero block under the zero key.
    expect(Buffer.from(block.buffer).toString('hex')).toBe('dc95c078a2408989ad48a21492842087');
  });

  it('is the same in blocks of any size, and taken away by its opposite', () => {
    const key = new Uint8Array(32).fill(7);
    const whole = new Uint32Array(BLOCK_ELEMENTS).fill(5);
    new MaskStream([{ key, sign: 1 }]).apply(whole);
    const parts = new Uint32Array(BLOCK_ELEMENTS).fill(5);
    const stream = new MaskStream([{ key, sign: 1 }]);
    for (const [start, end] of [
      [0, 1],
      [1, 30_001],
      [30_001, BLOCK_ELEMENTS],
    ])
      stream.apply(parts.subarray(start, end));
    expect(Buffer.compare(Buffer.from(parts.buffer), Buffer.from(whole.buffer))).toBe(0);
    new MaskStream([{ key, sign: -1 }]).apply(parts);
    expect(parts.every((value) => value === 5)).toBe(true);
  });
});

describe('shares', () => {
  const secret = new Uint8Array(32).map((_, i) => i);
  const isSecret = (found: Uint8Array): boolean => Buffer.compare(found, secret) === 0;

  it('give the secret from as many as the threshold says, and not from fewer', async () => {
    const shares = await shareSecret(secret, 6, 4);
    expect(await rebuildSecret(shares, 4, isSecret)).toEqual(secret);
    expect(await rebuildSecret(shares.slice(2), 4, isSecret)).toEqual(secret);
    expect(await rebuildSecret(shares.slice(3), 4, () => true)).toBeNull();
    expect(await rebuildSecret(shares.slice(3), 3, isSecret)).toBeNull();
  });

  it('at one point, or at zero, are not put together', async () => {
    const [first, second] = await shareSecret(secret, 3, 2);
    const zero = Uint8Array.from(second!);
    zero[32] = 0;
    expect(await rebuildSecret([first!, first!], 2, () => true)).toBeNull();
    expect(await rebuildSecret([first!, zero], 2, () => true)).toBeNull();
  });
});

describe('a box', () => {
  const shares = { seed: Buffer.alloc(33, 1), key: Buffer.alloc(33, 2) };
  const address = { roster: 'a'.repeat(64), from: 'alice', to: 'bob' };

  it('opens for whom it is meant, in the round that it is from', () => {
    const box = sealBox(shares, address, ALICE, BOB_PUBLIC, systemBytes)!;
    expect(box).toHaveLength(BOX_BYTES);
    expect(openBox(box, address, BOB, ALICE_PUBLIC)).toEqual(shares);
    expect(openBox(box, { ...address, roster: 'b'.repeat(64) }, BOB, ALICE_PUBLIC)).toBeNull();
    expect(openBox(box, { ...address, from: 'bob', to: 'alice' }, BOB, ALICE_PUBLIC)).toBeNull();
    expect(openBox(box, address, privateKeyOf(Buffer.alloc(32, 9)), ALICE_PUBLIC)).toBeNull();
    expect(openBox(box.subarray(1), address, BOB, ALICE_PUBLIC)).toBeNull();
    for (const place of [0, 20, 60, BOX_BYTES - 1]) {
      const changed = Buffer.from(box);
      changed[place]! ^= 0x80;
      expect(openBox(changed, address, BOB, ALICE_PUBLIC)).toBeNull();
    }
  });

  it('has another IV each time', () => {
    const boxes = [1, 2].map(() => sealBox(shares, address, ALICE, BOB_PUBLIC, systemBytes)!.toString('hex'));
    expect(boxes[0]).not.toBe(boxes[1]);
  });
});

describe('bytes as text', () => {
  it('have one text each', () => {
    expect(fromBase64(toBase64(Buffer.from([1, 2, 3, 255])), 4)).toEqual(Buffer.from([1, 2, 3, 255]));
    // Other bits in what is cut off, other alphabets, blanks, lengths.
    for (const text of ['AQID/x==', 'AQID_w==', 'AQID/w', ' AQID/w=', 'AQID/wAA', 7, null])
      expect(fromBase64(text, 4)).toBeNull();
  });
});

describe('blocks', () => {
  it.each([9, 11])('of %i elements where ten are due are refused', async (length) => {
    const read = async (): Promise<void> => {
      for await (const block of inBlocks([new Uint32Array(length)], 10)) expect(block.length).toBe(10);
    };
    await expect(read()).rejects.toThrow(
      expect.objectContaining({ code: 'FEDERATION_UPDATE_INVALID' }) as object,
    );
  });

  it.each([1, 65_535, 65_536, 65_537, 131_072])(
    'of %i elements come in one size, whatever they came in',
    async (length) => {
      const vector = Uint32Array.from({ length }, (_, i) => i);
      for (const size of [length, 1000, 70_000]) {
        const pieces = Array.from({ length: Math.ceil(length / size) }, (_, i) =>
          vector.subarray(i * size, (i + 1) * size),
        );
        const blocks: Uint32Array[] = [];
        for await (const block of inBlocks(pieces, length)) blocks.push(block);
        expect(blocks.map((block) => block.length)).toEqual([
          ...Array.from({ length: Math.floor(length / BLOCK_ELEMENTS) }, () => BLOCK_ELEMENTS),
          ...(length % BLOCK_ELEMENTS === 0 ? [] : [length % BLOCK_ELEMENTS]),
        ]);
        expect(
          Buffer.compare(
            Buffer.concat(blocks.map((block) => Buffer.from(block.buffer))),
            Buffer.from(vector.buffer),
          ),
        ).toBe(0);
      }
    },
  );
});
