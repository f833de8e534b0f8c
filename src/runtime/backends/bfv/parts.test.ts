import { describe, expect, it } from 'vitest';
import { ArtifactError } from '../../../errors.ts';
import { joinParts, splitParts } from './parts.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('parts', () => {
  const parts = [bytes(1, 2, 3), bytes(), bytes(4)];
  const joined = joinParts(parts);

  it('come back as they were', () => {
    expect(joined.length).toBe(3 * 4 + 4);
    expect(splitParts(joined, 3, 'KEY_INVALID').map((part) => [...part])).toEqual([[1, 2, 3], [], [4]]);
    // Views into a larger buffer are read from their own start.
    const shifted = new Uint8Array([9, 9, ...joined]).subarray(2);
    expect([...splitParts(shifted, 3, 'KEY_INVALID')[2]!]).toEqual([4]);
  });

  it.each([
    ['another number of parts', joined, 2],
    ['more parts than there are', joined, 4],
    ['a cut', joined.subarray(0, joined.length - 1), 3],
    ['bytes behind', new Uint8Array([...joined, 0]), 3],
    ['a length that reaches past the end', bytes(255, 255, 255, 255, 1), 1],
    ['nothing', bytes(), 1],
  ])('are refused with %s', (_what, damaged, count) => {
    expect(() => splitParts(damaged, count, 'CIPHERTEXT_INVALID')).toThrow(ArtifactError);
  });
});
