import { describe, expect, it } from 'vitest';
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { Blas } from '../../reference/blas.ts';
import { executeNode } from '../../reference/execute-node.ts';
import { elementsOf } from '../../reference/onnx-runner.ts';
import type { Replacement } from './linear-layer.ts';
import { linearLayer } from './linear-layer.ts';
import { refitLinear } from './refit-linear.ts';
import type { NodeLiteral } from './testing/graphs.ts';
import { makeGraph, randomTensor, tensor } from './testing/graphs.ts';

const SAMPLES = 60;
const SETTINGS = { rows: 5000, seed: 0 };
/** Layers that are solved for at once are not run on the way. */
const never = (): Promise<Float32Array> => Promise.reject(new Error('run'));

async function run(graph: TensorGraph, input: Float32Array): Promise<Float32Array> {
  const values = new Map([[graph.inputs[0]!, input]]);
  for (const node of graph.nodes) values.set(node.outputs[0]!, (await executeNode(graph, node, values))[0]!);
  return values.get(graph.outputs[0]!)!;
}

/** Runs `graph`, refits its only layer from scaled-down weights to that output, and runs the result. */
async function recover(
  graph: TensorGraph,
  weight: string,
): Promise<{ target: Float32Array; result: Float32Array }> {
  const size = elementsOf(graph, graph.inputs[0]!);
  const input = Float32Array.from(randomTensor([SAMPLES, size], 1, 11).data);
  const target = await run(graph, input);
  const original = graph.constants.get(weight)!;
  const damaged = tensor(
    original.shape,
    original.data.map((value) => value * 0.5),
  );
  const start = { ...graph, constants: new Map([...graph.constants, [weight, damaged]]) };
  const layer = linearLayer(start, graph.nodes[0]!)!;
  await using blas = await Blas.open();
  const replacement = await refitLinear(blas, layer, input, target, SAMPLES, SETTINGS, never);
  const shapes = new Map(graph.shapes);
  for (const node of replacement.nodes) shapes.set(node.outputs[0]!, graph.shapes.get(graph.outputs[0]!)!);
  const refitted = {
    ...graph,
    nodes: replacement.nodes,
    constants: new Map([...graph.constants, ...replacement.constants]),
    shapes,
  };
  return { target, result: await run(refitted, input) };
}

function oneLayer(
  node: Omit<NodeLiteral, 'output'>,
  input: number[],
  constants: Parameters<typeof makeGraph>[2],
): TensorGraph {
  return makeGraph({ x: input }, [{ ...node, output: 'y' }], constants, ['y']);
}

const CASES: readonly [string, TensorGraph][] = [
  [
    'Conv with stride, dilation, uneven padding and no bias',
    oneLayer(
      {
        op: 'Conv',
        inputs: ['x', 'w'],
        shape: [1, 4, 4, 7],
        attributes: { kernel_shape: [3, 2], pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] },
      },
      [1, 3, 7, 8],
      { w: randomTensor([4, 3, 3, 2], 1, 1) },
    ),
  ],
  [
    'grouped Conv',
    oneLayer(
      {
        op: 'Conv',
        inputs: ['x', 'w', 'b'],
        shape: [1, 6, 4, 4],
        attributes: { kernel_shape: [2, 2], group: 2 },
      },
      [1, 4, 5, 5],
      { w: randomTensor([6, 2, 2, 2], 1, 1), b: randomTensor([6], 1, 2) },
    ),
  ],
  [
    'depthwise Conv',
    oneLayer(
      {
        op: 'Conv',
        inputs: ['x', 'w', 'b'],
        shape: [1, 3, 6, 6],
        attributes: { kernel_shape: [3, 3], group: 3, auto_pad: 'SAME_UPPER' },
      },
      [1, 3, 6, 6],
      { w: randomTensor([3, 1, 3, 3], 1, 1), b: randomTensor([3], 1, 2) },
    ),
  ],
  [
    'Conv along one axis',
    oneLayer(
      { op: 'Conv', inputs: ['x', 'w'], shape: [1, 2, 8], attributes: { kernel_shape: [3] } },
      [1, 2, 10],
      { w: randomTensor([2, 2, 3], 1, 1) },
    ),
  ],
  [
    'Gemm with alpha and beta',
    oneLayer(
      { op: 'Gemm', inputs: ['x', 'w', 'b'], shape: [1, 5], attributes: { alpha: 2, beta: 0.5 } },
      [1, 9],
      { w: randomTensor([9, 5], 1, 1), b: randomTensor([5], 1, 2) },
    ),
  ],
  [
    'Gemm with transB',
    oneLayer({ op: 'Gemm', inputs: ['x', 'w', 'b'], shape: [1, 5], attributes: { transB: 1 } }, [1, 9], {
      w: randomTensor([5, 9], 1, 1),
      b: randomTensor([5], 1, 2),
    }),
  ],
  [
    'MatMul over the last axis',
    oneLayer({ op: 'MatMul', inputs: ['x', 'w'], shape: [1, 3, 2] }, [1, 3, 4], {
      w: randomTensor([4, 2], 1, 1),
    }),
  ],
];

describe('refitLinear', () => {
  it.each(CASES)('recovers a layer from its outputs: %s', async (_, graph) => {
    const { target, result } = await recover(graph, 'w');
    const largest = target.reduce((max, value, i) => Math.max(max, Math.abs(value - result[i]!)), 0);
    expect(largest).toBeLessThan(2e-4);
  });

  it('leaves weights that are not constant, and other operators, alone', () => {
    const graph = makeGraph(
      { x: [1, 2, 2], y: [1, 2, 2] },
      [
        { op: 'MatMul', inputs: ['x', 'y'], output: 'xy', shape: [1, 2, 2] },
        { op: 'Add', inputs: ['xy', 'c'], output: 'z', shape: [1, 2, 2] },
      ],
      { c: tensor([1], [1]) },
      ['z'],
    );
    for (const node of graph.nodes) expect(linearLayer(graph, node)).toBeNull();
  });

  it('refits layers too wide to be solved for at once, part by part', async () => {
    // 2100 features that are mixtures of eight, as activations of a network are of fewer things than there are.
    const [features, outputs, causes] = [2100, 3, 8];
    const mixture = randomTensor([causes, features], 1, 3).data;
    const mixed = (samples: number, seed: number): Float32Array => {
      const cause = randomTensor([samples, causes], 1, seed).data;
      return Float32Array.from({ length: samples * features }, (_, i) => {
        const sample = Math.floor(i / features);
        let sum = 0.5;
        for (let c = 0; c < causes; c++)
          sum += cause[sample * causes + c]! * mixture[c * features + (i % features)]!;
        return sum;
      });
    };
    const constants = { w: randomTensor([features, outputs], 0.05, 1), b: randomTensor([outputs], 1, 2) };
    const node = { op: 'Gemm', inputs: ['x', 'w', 'b'], shape: [1, outputs] };
    const graph = oneLayer(node, [1, features], constants);
    const damaged = oneLayer(node, [1, features], {
      ...constants,
      w: tensor(
        [features, outputs],
        constants.w.data.map((value) => value * 0.5),
      ),
    });
    const layer = linearLayer(damaged, damaged.nodes[0]!)!;
    const [input, unseen] = [mixed(200, 11), mixed(50, 12)];
    const runWith = (
      { nodes, constants: changed }: Replacement,
      values: Float32Array,
    ): Promise<Float32Array> =>
      run({ ...damaged, nodes, constants: new Map([...damaged.constants, ...changed]) }, values);
    await using blas = await Blas.open();
    const target = await run(graph, input);
    const replacement = await refitLinear(blas, layer, input, target, 200, SETTINGS, (changed) =>
      runWith(changed, input),
    );
    const wanted = await run(graph, unseen);
    const distance = (values: Float32Array): number =>
      Math.sqrt(values.reduce((sum, value, i) => sum + (value - wanted[i]!) ** 2, 0));
    expect(distance(await runWith(replacement, unseen))).toBeLessThan(
      0.02 * distance(await run(damaged, unseen)),
    );
  });
});
