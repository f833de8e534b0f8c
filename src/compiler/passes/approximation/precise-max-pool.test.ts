import { describe, expect, it } from 'vitest';
import { CompileError } from '../../../errors.ts';
import { executeNode } from '../../reference/execute-node.ts';
import { approximateSite, executeSite } from './approximate-site.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { findSites } from './sites.ts';
import { makeGraph, randomTensor } from './testing/graphs.ts';

const SAMPLES = 30;

async function approximated(
  input: readonly number[],
  output: readonly number[],
  attributes: Parameters<typeof makeGraph>[1][number]['attributes'],
  bits: number,
  shift = 0,
) {
  const graph = makeGraph(
    { x: input },
    [{ op: 'MaxPool', inputs: ['x'], output: 'y', shape: output, ...(attributes && { attributes }) }],
    {},
    ['y'],
  );
  const [site] = findSites(graph, new Map([['*', { kind: 'precision', bits } as const]]));
  const values = Float32Array.from(randomTensor([SAMPLES, ...input.slice(1)], 3, 5).data, (x) => x + shift);
  const exact = await executeSite(graph, site!, values, undefined);
  const choice = { kind: 'precision', bits } as const;
  const fitted = await approximateSite(graph, site!, choice, { values, targets: exact }, DEFAULT_SETTINGS);
  const extended = {
    ...graph,
    constants: new Map([...graph.constants, ...fitted.fragment.constants]),
    shapes: new Map([...graph.shapes, ...fitted.fragment.shapes]),
  };
  const tensors = new Map<string, Float32Array>([['x', values]]);
  for (const node of fitted.fragment.nodes)
    tensors.set(node.outputs[0]!, (await executeNode(extended, node, tensors))[0]!);
  const found = tensors.get('y')!;
  const largest = exact.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const error = exact.reduce((max, value, i) => Math.max(max, Math.abs(value - found[i]!)), 0);
  return { bits: -Math.log2(error / largest), degree: fitted.degree };
}

describe('precise max-pool', () => {
  it.each([
    ['2 × 2', [1, 2, 6, 6], [1, 2, 5, 5], { kernel_shape: [2, 2] }],
    [
      '3 × 3, padded, strided',
      [1, 2, 5, 5],
      [1, 2, 3, 3],
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    ],
    ['SAME_LOWER', [1, 2, 6, 6], [1, 2, 6, 6], { kernel_shape: [2, 2], auto_pad: 'SAME_LOWER' }],
    [
      'dilated, ceil_mode',
      [1, 1, 8],
      [1, 1, 3],
      { kernel_shape: [3], strides: [2], dilations: [2], ceil_mode: 1 },
    ],
    ['three dimensions', [1, 1, 3, 4, 3], [1, 1, 2, 3, 2], { kernel_shape: [2, 2, 2] }],
    ['windows of one', [1, 1, 4], [1, 1, 4], { kernel_shape: [1] }],
  ] as const)('keeps the bits asked for: %s', async (_, input, output, attributes) => {
    expect((await approximated(input, output, attributes, 8)).bits).toBeGreaterThan(7.9);
  });

  it('fits differences, not values: an offset costs nothing', async () => {
    const attributes = { kernel_shape: [2, 2], auto_pad: 'SAME_UPPER' };
    const shape = [1, 2, 6, 6];
    const near = await approximated(shape, shape, attributes, 6);
    const far = await approximated(shape, shape, attributes, 6, 20);
    expect(far.bits).toBeGreaterThan(5.9);
    expect(far.degree).toBeLessThan(near.degree);
  });

  it('says what it would take', async () => {
    const failing = approximated([1, 1, 6], [1, 1, 5], { kernel_shape: [2] }, 20);
    await expect(failing).rejects.toThrow(CompileError);
    await expect(failing).rejects.toMatchObject({ code: 'ACTIVATION_TOO_STEEP' });
  });
});
