import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { babyOf, moduliFor, SplitSearch, type SplitResult } from './baby-giant.ts';

const N = 4096;
const costs = { babies: (count: number): number => count, giant: 1, key: 0.01, hoisted: false };

function split(offsets: number[], steps: number[] = []): SplitResult {
  const block = { input: 0, output: 0, offsets: Int32Array.from(offsets) };
  return new SplitSearch(N).best([block], 1, 1, moduliFor(N, steps), costs);
}

/** All sums of one entry of each list. */
function sums(...lists: number[][]): number[] {
  return lists.reduce((total, list) => total.flatMap((a) => list.map((b) => a + b)), [0]);
}
const range = (count: number, step: number): number[] => Array.from({ length: count }, (_, k) => k * step);

describe('SplitSearch', () => {
  it.each([
    ['nothing to rotate', [0], 0],
    ['a 3×3 kernel', sums(range(3, 1), range(3, 32)), 4],
    ['a 5×5 kernel, rows of 28', sums(range(5, 1), range(5, 28)), 8],
    ['a 3×3 kernel and 4 channels', sums(range(3, 1), range(3, 32), range(4, 1024)), 11],
    ['a 3×3 kernel and 4 channels, rows of 28', sums(range(3, 1), range(3, 28), range(4, 1024)), 11],
    ['a 7×7 kernel and 8 blocks', sums(range(7, 1), range(7, 32), range(8, 256)), 40],
    ['64 neighbours', range(64, 1), 14],
  ])('rotates as often as the structure of the offsets demands: %s', (_, offsets, rotations) => {
    expect(split(offsets, [28]).rotations).toBe(rotations);
  });

  it('prefers babies for outputs that share an input, and giants for inputs that share an output', () => {
    const offsets = Int32Array.from(range(16, 1));
    const shared = (inputs: number, outputs: number): SplitResult => {
      const blocks = sums(range(inputs, 1)).flatMap((input) =>
        range(outputs, 1).map((output) => ({ input, output, offsets })),
      );
      return new SplitSearch(N).best(blocks, inputs, outputs, moduliFor(N, []), costs);
    };
    expect(shared(1, 4).rotations).toBe(7 + 4);
    expect(shared(4, 1).rotations).toBe(7 + 4);
    expect(
      shared(1, 100)
        .giants.flat()
        .every((step) => step === 0),
    ).toBe(true);
  });

  it('covers every offset, whatever the set', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(N - 1), { minLength: 1, maxLength: 60 }), (offsets) => {
        const found = split(offsets);
        for (const offset of offsets) {
          const baby = babyOf(found.split, offset);
          expect(found.babies[0]).toContain(baby);
          expect(found.giants[0]).toContain(offset - baby);
        }
        expect(found.rotations).toBeLessThanOrEqual(offsets.length);
      }),
      { numRuns: 50, seed: 2 },
    );
  });
});
