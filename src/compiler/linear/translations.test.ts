import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Frame } from './frame.ts';
import { gridFrame, gridTargets, naturalGrids } from './grid-targets.ts';
import { gridAfter } from './grid.ts';
import { offsetSets } from './offsets.ts';
import { spatialStrides } from './pattern.ts';
import { convolution, dense, outputExtents } from './testing/maps.ts';
import { areKept, latticeSteps, translationsOf, type Translations } from './translations.ts';

const SLOTS = 1024;

const shapes = fc.record({
  channels: fc.integer({ min: 1, max: 5 }),
  outputs: fc.integer({ min: 1, max: 5 }),
  spatial: fc.oneof(
    fc.tuple(fc.integer({ min: 5, max: 12 })),
    fc.tuple(fc.integer({ min: 5, max: 12 }), fc.integer({ min: 5, max: 12 })),
  ),
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 2 }),
  pad: fc.integer({ min: 0, max: 1 }),
});

const keeps = (translations: Translations, { layout: from }: Frame, { layout: to }: Frame): boolean =>
  areKept(translations, from, to, latticeSteps);

describe('translations of the entries of a convolution', () => {
  it('lie on the diagonals of their representatives, wherever lattices keep them', () => {
    let kept = 0;
    let left = 0;
    fc.assert(
      fc.property(shapes, (shape) => {
        const input = [1, shape.channels, ...shape.spatial];
        const output = [1, shape.outputs, ...outputExtents(shape)];
        const matrix = convolution(shape);
        const strides = spatialStrides(matrix, input, output);
        const translations = translationsOf(matrix, input, output, strides);
        if (translations === null) return;
        const ones = shape.spatial.map(() => 1);
        const needs = { room: shape.spatial.map((extent) => extent + 2), gaps: ones, split: strides! };
        for (const grid of naturalGrids(input, needs)) {
          const source = gridFrame(input, grid, SLOTS);
          const after = source === null ? null : gridAfter(grid, strides!);
          if (source === null || after === null) continue;
          const context = { slotCount: SLOTS, sourcePeriod: source.layout.period, clean: false };
          // A stride that leaves no gap moves the rest of the lattice against the entries.
          for (const target of [after, grid].flatMap((lattice) => gridTargets(output, lattice, context))) {
            if (!keeps(translations, source, target.frame)) {
              left++;
              continue;
            }
            kept++;
            const whole = offsetSets(matrix, source, target, 3, Infinity);
            expect(offsetSets(translations.representatives, source, target, 3, Infinity)).toEqual(whole);
          }
        }
      }),
      { numRuns: 60, seed: 5 },
    );
    expect(kept).toBeGreaterThan(500);
    expect(left).toBeGreaterThan(0);
  });

  it('are represented once for each weight', () => {
    const shape = { channels: 3, outputs: 4, spatial: [9, 9], kernel: 3, pad: 1 };
    const found = translationsOf(convolution(shape), [1, 3, 9, 9], [1, 4, 9, 9], [1, 1]);
    expect(found!.representatives.columns).toHaveLength(3 * 4 * 9);
  });

  it('are none where there is one position, or too few to be worth while', () => {
    expect(translationsOf(dense(4, 32), [1, 2, 4, 4], [1, 4, 1, 1], [4, 4])).toBeNull();
    expect(translationsOf(dense(8, 8), [1, 2, 2, 2], [1, 2, 2, 2], [1, 1])).toBeNull();
  });
});

it('steps of a lattice are those of all channels, each within one ciphertext', () => {
  const layout = (positions: number[]): Frame['layout'] => ({
    shape: [1, 2, 2, 2],
    slotCount: 16,
    ciphertexts: 2,
    period: 16,
    positions: Int32Array.from(positions),
    format: 'test',
  });
  const ordered = [0, 1, 4, 5];
  const moved = (by: number): number[] => ordered.map((position) => position + by);
  expect(latticeSteps(layout([...ordered, ...moved(18)]), [2, 2])).toEqual([4, 1]);
  expect(latticeSteps(layout([...ordered, ...moved(12)]), [2, 2])).toBeNull();
  expect(latticeSteps(layout([...ordered, 8, 9, 13, 12]), [2, 2])).toBeNull();
});
