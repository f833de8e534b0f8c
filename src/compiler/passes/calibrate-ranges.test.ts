import { describe, expect, it } from 'vitest';
import { SILENT } from '../options.ts';
import { makeGraph } from './approximation/testing/graphs.ts';
import { calibrateRanges } from './calibrate-ranges.ts';

describe('calibrateRanges', () => {
  it('covers every tensor, also those used twice and outputs that are used', async () => {
    const graph = makeGraph(
      { x: [1, 2] },
      [
        { op: 'Neg', inputs: ['x'], output: 'n', shape: [1, 2] },
        { op: 'Mul', inputs: ['x', 'n'], output: 'm', shape: [1, 2] },
        { op: 'Sub', inputs: ['m', 'n'], output: 's', shape: [1, 2] },
      ],
      {},
      ['m', 's'],
    );
    const inputs = new Map([['x', Float32Array.of(1, -2, 3, 0.5)]]);
    const { ranges, outliers } = await calibrateRanges(graph, inputs, 2, SILENT);
    expect(outliers).toEqual([]);
    expect([...ranges.keys()]).toEqual(['x', 'n', 'm', 's']);
    expect(ranges.get('m')).toMatchObject({ min: -9, max: -0.25 });
    expect(ranges.get('s')).toMatchObject({ min: -6, max: 0.25 });
  });

  it('refuses a tensor of which a part overflows on every sample, whatever the other elements are', async () => {
    const squares = makeGraph(
      { x: [1, 2] },
      [{ op: 'Mul', inputs: ['x', 'x'], output: 'y', shape: [1, 2] }],
      {},
      ['y'],
    );
    const measure = (values: readonly number[]) =>
      calibrateRanges(squares, new Map([['x', Float32Array.from(values)]]), 2, SILENT);
    await expect(measure([1e25, 1, -1e25, 2])).rejects.toMatchObject({ code: 'RANGE_OVERFLOW', node: 'y' });
    const { overflow, ranges } = await measure([1e25, 1, 3, 2]);
    expect(overflow).toEqual({ tensor: 'y', samples: 1 });
    expect(ranges.get('y')!.max).toBe(9);
  });

  it('measures without the samples that stand apart', async () => {
    const graph = makeGraph({ x: [1, 1] }, [{ op: 'Neg', inputs: ['x'], output: 'n', shape: [1, 1] }], {}, [
      'n',
    ]);
    const values = Float32Array.from({ length: 20 }, (_, s) => (s === 6 ? 1e9 : 1 + s / 20));
    const { ranges, outliers, overflow } = await calibrateRanges(graph, new Map([['x', values]]), 20, SILENT);
    expect(overflow).toBeNull();
    expect(outliers).toMatchObject([{ sample: 6, tensor: 'x', largest: 1e9 }]);
    expect(ranges.get('n')!.min).toBeCloseTo(-1.95, 6);
    expect(ranges.get('x')).toEqual({ tensor: 'x', min: 1, max: Math.fround(1.95) });
  });
});
