import { describe, expect, it } from 'vitest';
import { CompileError } from '../../../errors.ts';
import { compositeSign } from '../../approx/composite-sign.ts';
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { executeNode } from '../../reference/execute-node.ts';
import { elementsOf } from '../../reference/onnx-runner.ts';
import { approximateSite, executeSite } from './approximate-site.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { findSites } from './sites.ts';
import { makeGraph, randomTensor, tensor } from './testing/graphs.ts';

const SAMPLES = 20;

/** Largest |composite − exact| over random inputs in [-3, 3]. */
async function largestError(graph: TensorGraph, alpha: number): Promise<number> {
  const { exact, result } = await approximateAll(graph, alpha);
  return exact.reduce((max, value, i) => Math.max(max, Math.abs(value - result[i]!)), 0);
}

async function approximateAll(graph: TensorGraph, alpha: number) {
  const choices = new Map([['*', { kind: 'relu-composite', alpha } as const]]);
  const [site] = findSites(graph, choices);
  const input = Float32Array.from(randomTensor([SAMPLES, elementsOf(graph, site!.input)], 3, 5).data);
  const exact = await executeSite(graph, site!, input, undefined);
  const { fragment, method } = await approximateSite(
    graph,
    site!,
    site!.fixed!,
    { values: input, targets: exact },
    DEFAULT_SETTINGS,
  );
  expect(method).toBe('composite-sign');
  const extended = {
    ...graph,
    constants: new Map([...graph.constants, ...fragment.constants]),
    shapes: new Map([...graph.shapes, ...fragment.shapes]),
  };
  const values = new Map<string, Float32Array>([[site!.input, input]]);
  for (const node of fragment.nodes)
    values.set(node.outputs[0]!, (await executeNode(extended, node, values))[0]!);
  return { exact, result: values.get(site!.output)!, values, nodes: fragment.nodes };
}

function unary(op: string, attributes = {}, constants: Parameters<typeof makeGraph>[2] = {}): TensorGraph {
  const shape = [1, 2, 5];
  return makeGraph(
    { x: shape },
    [{ op, inputs: ['x', ...Object.keys(constants)], output: 'y', shape, attributes }],
    constants,
    ['y'],
  );
}

describe('composite activations', () => {
  // Inputs reach 3; the range is widened by 15 %: absolute errors are 3.45 · 2^-α per unit of slope change.
  it.each([
    ['Relu', unary('Relu')],
    ['LeakyRelu', unary('LeakyRelu', { alpha: 0.1 })],
    ['PRelu', unary('PRelu', {}, { slope: tensor([1], [0.25]) })],
    ['Clip between 0 and 2', unary('Clip', {}, { min: tensor([], [0]), max: tensor([], [2]) })],
    ['Clip from below', unary('Clip', {}, { min: tensor([], [-1]) })],
  ])('%s is exact to within the bound of the sign', async (_, graph) => {
    expect(await largestError(graph, 9)).toBeLessThan(2 * 5.75 * 2 ** -9);
    expect(await largestError(graph, 6)).toBeGreaterThan(2 ** -9);
  });

  it.each([
    ['2 × 2', [1, 2, 6, 6], [1, 2, 3, 3], { kernel_shape: [2, 2], strides: [2, 2] }],
    [
      '3 × 3, padded, overlapping',
      [1, 2, 5, 5],
      [1, 2, 3, 3],
      { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
    ],
    ['one axis, ceil_mode', [1, 1, 7], [1, 1, 4], { kernel_shape: [2], strides: [2], ceil_mode: 1 }],
  ] as const)('MaxPool %s', async (_, input, output, attributes) => {
    const graph = makeGraph(
      { x: input },
      [{ op: 'MaxPool', inputs: ['x'], output: 'y', shape: output, attributes }],
      {},
      ['y'],
    );
    // Differences reach 6 · 1.15; errors of successive maxima add up: at most 4 of them here.
    expect(await largestError(graph, 10)).toBeLessThan(4 * 6.9 * 2 ** -10);
  });

  it.each([
    ['Relu', unary('Relu')],
    ['Clip between -1 and 2', unary('Clip', {}, { min: tensor([], [-1]), max: tensor([], [2]) })],
    ['ThresholdedRelu', unary('ThresholdedRelu', { alpha: 0.5 })],
  ])('scale %s before and behind the sign only, which costs no level', async (_, graph) => {
    const { nodes, values } = await approximateAll(graph, 12);
    const polynomials = nodes.filter((node) => node.op === 'Polynomial');
    expect(polynomials.length % 3).toBe(0);
    for (const { attributes, inputs } of polynomials) {
      expect(attributes).toMatchObject({ center: [0], halfWidth: [1] });
      expect(Math.max(...values.get(inputs[0]!)!.map(Math.abs))).toBeLessThanOrEqual(1);
    }
  });

  it('Sign is off by no more than its last stage allows, outside of the rise', async () => {
    const { nodes, values } = await approximateAll(unary('Sign'), 12);
    expect(nodes.filter((node) => node.op === 'Polynomial')).toHaveLength(3);
    const [x, y] = [values.get('x')!, values.get('y')!];
    const range = x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    const { threshold, error } = compositeSign(12);
    let seen = 0;
    for (const [i, value] of x.entries()) {
      if (Math.abs(value) < 2 * threshold * range) continue;
      expect(Math.abs(y[i]! - Math.sign(value))).toBeLessThan(error + 1e-5);
      seen++;
    }
    expect(seen).toBeGreaterThan(x.length / 2);
  });

  it('refuses smooth activations', async () => {
    await expect(largestError(unary('Sigmoid'), 8)).rejects.toThrow(CompileError);
  });
});
