import { describe, expect, it } from 'vitest';
import { makeFrame, placedLayout } from './frame.ts';
import { fitsLattice, gridAfter, gridPositions, latticeOf, plainOrder, type Grid } from './grid.ts';
import { naturalGrids } from './grid-targets.ts';
import { spatialStrides } from './pattern.ts';
import { multiply } from './sparse-matrix.ts';
import { averagePool, convolution, dense } from './testing/maps.ts';

const lattice = (widths: number[], gaps = widths.map(() => 1), split = widths.map(() => 1)): Grid =>
  latticeOf(widths, gaps, split);

describe('gridPositions', () => {
  it('puts channel after channel, rows at the lattice width', () => {
    const grid = lattice([2, 4]);
    expect(grid).toMatchObject({ steps: [4, 1], block: 8 });
    expect([...gridPositions([1, 2, 2, 3], grid, plainOrder(grid))]).toEqual([
      0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14,
    ]);
  });

  it('fills the phases of a gap with channels, first or last', () => {
    const grid = gridAfter(lattice([4, 4]), [2, 2])!;
    const at = (phaseFirst: boolean): number[] => {
      const order = { phases: [2, 2], phaseFirst, group: 1, spread: 1 };
      const positions = gridPositions([1, 8, 2, 2], grid, order);
      return Array.from({ length: 8 }, (_, c) => positions[4 * c]!);
    };
    expect(at(true)).toEqual([0, 1, 4, 5, 16, 17, 20, 21]);
    expect(at(false)).toEqual([0, 16, 1, 17, 4, 20, 5, 21]);
    expect([...gridPositions([1, 1, 2, 2], grid, plainOrder(grid))]).toEqual([0, 2, 8, 10]);
  });

  it('leaves room between groups of blocks', () => {
    const grid = lattice([4]);
    const order = { phases: [1], phaseFirst: true, group: 2, spread: 4 };
    expect([...gridPositions([1, 4, 1], grid, order)]).toEqual([0, 4, 32, 36]);
  });

  it('deals elements out to several lattices', () => {
    const grid = lattice([2, 2], [1, 1], [2, 2]);
    const positions = gridPositions([1, 1, 4, 4], grid, plainOrder(grid));
    expect([...positions.subarray(0, 8)]).toEqual([0, 4, 1, 5, 8, 12, 9, 13]);
    expect(gridAfter(grid, [2, 2])).toMatchObject({ gaps: [1, 1], split: [1, 1] });
    expect(gridAfter(grid, [1, 1])).toBeNull();
  });

  it('knows when a tensor outgrows its lattice', () => {
    const grid = lattice([4, 4]);
    expect(fitsLattice([1, 1, 4, 4], grid, plainOrder(grid))).toBe(true);
    expect(fitsLattice([1, 1, 4, 5], grid, plainOrder(grid))).toBe(false);
    expect(fitsLattice([1, 1, 5, 4], grid, plainOrder(grid))).toBe(false);
  });
});

describe('naturalGrids', () => {
  it('offers tight, power-of-two, roomy and dealt-out lattices', () => {
    const grids = naturalGrids([1, 1, 28, 28], { room: [30, 30], gaps: [1, 1], split: [2, 2] });
    const widths = grids.map(({ steps, split }) => `${steps[0]}/${split[0]}`);
    expect(widths).toEqual(['28/1', '32/1', '30/1', '14/2', '16/2', '15/2']);
  });
});

describe('spatialStrides', () => {
  const conv = convolution({ channels: 2, outputs: 3, spatial: [14, 14], kernel: 5 });
  it.each([
    ['a convolution', conv, [1, 2, 14, 14], [1, 3, 10, 10], [1, 1]],
    [
      'composed with a pooling',
      multiply(conv, averagePool(2, [28, 28], 2)),
      [1, 2, 28, 28],
      [1, 3, 10, 10],
      [2, 2],
    ],
    [
      'one axis',
      convolution({ channels: 1, outputs: 1, spatial: [90], kernel: 3, stride: 3 }),
      [1, 1, 90],
      [1, 1, 30],
      [3],
    ],
    ['a global pooling', averagePool(2, [6, 6], 6), [1, 2, 6, 6], [1, 2, 1, 1], [6, 6]],
    ['a dense map', dense(2 * 16, 2 * 16), [1, 2, 4, 4], [1, 2, 4, 4], null],
    ['another rank', dense(8, 16), [1, 1, 4, 4], [1, 8], null],
  ])('reads the stride of %s', (_, matrix, input, output, strides) => {
    expect(spatialStrides(matrix, input, output)).toEqual(strides);
  });
});

describe('frames', () => {
  const options = { grid: null, junk: false, format: 'test' };

  it('refuse two elements in one slot, copies included', () => {
    expect(makeFrame([2], 16, 16, Int32Array.of(3, 3), options)).toBeNull();
    expect(makeFrame([2], 16, 8, Int32Array.of(1, 9), options)).toBeNull();
    expect(makeFrame([2], 16, 16, Int32Array.of(1, 17), options)?.layout.ciphertexts).toBe(2);
  });

  it('move within their period and ciphertext', () => {
    const frame = makeFrame([2], 16, 8, Int32Array.of(1, 7), options)!;
    expect([...placedLayout({ frame, shift: 2 }).positions]).toEqual([3, 1]);
    const wide = makeFrame([2], 16, 16, Int32Array.of(15, 17), options)!;
    expect([...placedLayout({ frame: wide, shift: 2 }).positions]).toEqual([1, 19]);
    expect(placedLayout({ frame: wide, shift: 18 }, [1, 2])).toMatchObject({
      shape: [1, 2],
      format: 'test, shift 2',
    });
  });
});
