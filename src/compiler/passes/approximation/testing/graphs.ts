/** Small hand-made graphs and data for the tests of the approximation passes. */
import type { AttributeValue, ConstantTensor, Shape, TensorGraph } from '../../../ir/tensor-graph.ts';
import type { CompileOptions, Dataset } from '../../../options.ts';
import { DEFAULT_OPTIONS } from '../../../options.ts';
import { Random } from '../../../random.ts';

export interface NodeLiteral {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly shape: Shape;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** Nodes are named after their outputs. */
export function makeGraph(
  inputs: Readonly<Record<string, Shape>>,
  nodes: readonly NodeLiteral[],
  constants: Readonly<Record<string, ConstantTensor>>,
  outputs: readonly string[],
): TensorGraph {
  return {
    name: 'test',
    opset: 21,
    inputs: Object.keys(inputs),
    outputs,
    nodes: nodes.map(({ op, inputs: from, output, attributes }) => ({
      name: output,
      op,
      inputs: from,
      outputs: [output],
      attributes: attributes ?? {},
    })),
    constants: new Map(Object.entries(constants)),
    shapes: new Map([
      ...Object.entries(inputs),
      ...nodes.map(({ output, shape }) => [output, shape] as const),
      ...Object.entries(constants).map(([name, { shape }]) => [name, shape] as const),
    ]),
    clientOperators: outputs.map(() => []),
    constantOutputs: new Map(),
    warnings: [],
  };
}

export function tensor(
  shape: Shape,
  data: ArrayLike<number>,
  type: 'float' | 'int' = 'float',
): ConstantTensor {
  return { shape, type, data: Float64Array.from(data) };
}

/** Uniform in [-scale, scale]. */
export function randomTensor(shape: Shape, scale: number, seed: number): ConstantTensor {
  const random = new Random(seed);
  const size = shape.reduce((product, dim) => product * dim, 1);
  return tensor(
    shape,
    Array.from({ length: size }, () => (2 * random.next() - 1) * scale),
  );
}

/** input [1, 2, 6, 6] → Conv (3 channels) → ReLU → AveragePool → Flatten → Gemm → ReLU → Gemm → 4 scores */
export function smallConvNet(pool: 'AveragePool' | 'MaxPool' = 'AveragePool'): TensorGraph {
  return makeGraph(
    { input: [1, 2, 6, 6] },
    [
      {
        op: 'Conv',
        inputs: ['input', 'w1', 'b1'],
        output: 'conv',
        shape: [1, 3, 6, 6],
        attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1] },
      },
      { op: 'Relu', inputs: ['conv'], output: 'relu1', shape: [1, 3, 6, 6] },
      {
        op: pool,
        inputs: ['relu1'],
        output: 'pool',
        shape: [1, 3, 3, 3],
        attributes: { kernel_shape: [2, 2], strides: [2, 2] },
      },
      { op: 'Flatten', inputs: ['pool'], output: 'flat', shape: [1, 27], attributes: { axis: 1 } },
      { op: 'Gemm', inputs: ['flat', 'w2', 'b2'], output: 'dense', shape: [1, 8], attributes: { transB: 1 } },
      { op: 'Relu', inputs: ['dense'], output: 'relu2', shape: [1, 8] },
      {
        op: 'Gemm',
        inputs: ['relu2', 'w3', 'b3'],
        output: 'scores',
        shape: [1, 4],
        attributes: { transB: 1 },
      },
    ],
    {
      w1: randomTensor([3, 2, 3, 3], 0.6, 1),
      b1: randomTensor([3], 0.2, 2),
      w2: randomTensor([8, 27], 0.5, 3),
      b2: randomTensor([8], 0.2, 4),
      w3: randomTensor([4, 8], 0.7, 5),
      b3: randomTensor([4], 0.2, 6),
    },
    ['scores'],
  );
}

export function randomDataset(elements: number, size: number, seed: number): Dataset {
  const { data } = randomTensor([size, elements], 1, seed);
  return {
    description: 'random',
    size,
    sample: (index) => Float32Array.from(data.subarray(index * elements, (index + 1) * elements)),
    label: () => null,
  };
}

export function optionsWith(options: Partial<CompileOptions>): CompileOptions {
  return { ...DEFAULT_OPTIONS, ...options };
}

/** input [1, width] → so many times (Gemm → ReLU) → Gemm → 4 scores */
export function deepNet(activations: number, width = 8): TensorGraph {
  const layers = Array.from({ length: activations }, (_, i): NodeLiteral[] => [
    {
      op: 'Gemm',
      inputs: [i === 0 ? 'input' : `relu${i}`, `w${i}`],
      output: `dense${i + 1}`,
      shape: [1, width],
    },
    { op: 'Relu', inputs: [`dense${i + 1}`], output: `relu${i + 1}`, shape: [1, width] },
  ]).flat();
  const last: NodeLiteral = {
    op: 'Gemm',
    inputs: [`relu${activations}`, 'v'],
    output: 'scores',
    shape: [1, 4],
  };
  // Rows of such weights keep the size of what they multiply.
  const weights = Array.from(
    { length: activations },
    (_, i) => [`w${i}`, randomTensor([width, width], 0.85 * Math.sqrt(8 / width), i)] as const,
  );
  const constants = { ...Object.fromEntries(weights), v: randomTensor([width, 4], 1, 99) };
  return makeGraph({ input: [1, width] }, [...layers, last], constants, ['scores']);
}
