import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inParts } from './value-parts.ts';

describe('parts of a value', () => {
  it('are the value, each of the size but for the last, whatever the pieces are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 20 })),
        fc.integer({ min: 1, max: 12 }),
        (pieces, size) => {
          const parts = [...inParts(pieces, size)];
          const whole = Buffer.concat(pieces);
          expect(Buffer.concat(parts).equals(whole)).toBe(true);
          expect(parts.slice(0, -1).every(({ length }) => length === size)).toBe(true);
          expect(parts).toHaveLength(Math.ceil(whole.length / size));
        },
      ),
    );
  });

  it('are not copied where they lie within a piece', () => {
    const piece = Buffer.alloc(30, 1);
    const [first, second, last] = [...inParts([piece], 12)];
    expect(first!.buffer).toBe(piece.buffer);
    expect(second!.buffer).toBe(piece.buffer);
    expect(last).toHaveLength(6);
  });
});
