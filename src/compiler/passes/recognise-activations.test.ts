import { describe, expect, it } from 'vitest';
import type { PolynomialAttributes, TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { encodeOnnx } from '../onnx/encode.ts';
import { importModel } from '../onnx/import.ts';
import { polynomialAttributes } from '../onnx/ops/polynomial.ts';
import {
  DEFAULT_IMPORT,
  ModelBuilder,
  float,
  randomTensor,
  randomValues,
  tensor,
} from '../onnx/testing/model-builder.ts';
import { interpret, maxDifference, runReference } from '../onnx/testing/reference.ts';
import { recogniseActivations } from './recognise-activations.ts';

const SHAPE = [1, 3, 4, 2];
const scalar = (value: number) => tensor([], [value]);
const operators = (graph: TensorGraph): string[] => graph.nodes.map((node) => node.op);

async function expectSameAsReference(bytes: Uint8Array, recognised: TensorGraph): Promise<void> {
  const inputs = new Map(recognised.inputs.map((name) => [name, randomValues(24, 9, 3).map(Math.fround)]));
  const shapes = (name: string) => shapeOf(recognised, name);
  const expected = await runReference(bytes, inputs, shapes);
  const encoded = await runReference(encodeOnnx(recognised), inputs, shapes);
  const own = interpret(recognised, inputs);
  for (const output of recognised.outputs) {
    expect(maxDifference(own.get(output)!, expected.get(output)!)).toBeLessThan(1e-5);
    expect(maxDifference(encoded.get(output)!, expected.get(output)!)).toBeLessThan(1e-5);
  }
}

describe('chains of element-wise operators', () => {
  const cases: [string, ModelBuilder][] = [
    ['SiLU', new ModelBuilder().node('Sigmoid', ['x'], ['s']).node('Mul', ['x', 's'], ['y'])],
    [
      'hard swish',
      new ModelBuilder()
        .constant('three', scalar(3))
        .constant('zero', scalar(0))
        .constant('six', scalar(6))
        .node('Add', ['x', 'three'], ['a'])
        .node('Clip', ['a', 'zero', 'six'], ['b'])
        .node('Mul', ['x', 'b'], ['c'])
        .node('Div', ['c', 'six'], ['y']),
    ],
    [
      'GELU from Erf',
      new ModelBuilder()
        .constant('root', scalar(Math.SQRT2))
        .constant('one', scalar(1))
        .constant('half', tensor([1], [0.5]))
        .node('Div', ['x', 'root'], ['a'])
        .node('Erf', ['a'], ['b'])
        .node('Add', ['b', 'one'], ['c'])
        .node('Mul', ['x', 'c'], ['d'])
        .node('Mul', ['d', 'half'], ['y']),
    ],
    [
      'GELU from Tanh',
      new ModelBuilder()
        .constant('three', scalar(3))
        .constant('k', scalar(0.044715))
        .constant('root', scalar(Math.sqrt(2 / Math.PI)))
        .constant('one', scalar(1))
        .node('Pow', ['x', 'three'], ['a'])
        .node('Mul', ['a', 'k'], ['b'])
        .node('Add', ['x', 'b'], ['c'])
        .node('Mul', ['c', 'root'], ['d'])
        .node('Tanh', ['d'], ['e'])
        .node('Add', ['e', 'one'], ['f'])
        .node('Mul', ['x', 'f'], ['y']),
    ],
    [
      'leaky clip',
      new ModelBuilder()
        .constant('six', scalar(6))
        .node('LeakyRelu', ['x'], ['a'], { alpha: float(0.2) })
        .node('Min', ['a', 'six'], ['y']),
    ],
  ];
  it.each(cases)('%s is one node', async (_, builder) => {
    const bytes = builder.input('x', SHAPE).output('y').bytes();
    const recognised = recogniseActivations(importModel(bytes, DEFAULT_IMPORT));
    expect(operators(recognised)).toEqual(['Elementwise']);
    await expectSameAsReference(bytes, recognised);
    const again = recogniseActivations(importModel(encodeOnnx(recognised), DEFAULT_IMPORT));
    expect(operators(again)).toEqual(['Elementwise']);
  });

  it('leaves single activations and what is linear around them', () => {
    const graph = new ModelBuilder()
      .constant('two', scalar(2))
      .input('x', SHAPE)
      .node('Mul', ['x', 'two'], ['a'])
      .node('Relu', ['a'], ['b'])
      .node('Add', ['b', 'two'], ['y'])
      .output('y')
      .graph();
    expect(operators(recogniseActivations(graph))).toEqual(['Mul', 'Relu', 'Add']);
  });

  it('does not swallow a tensor that others read', () => {
    const graph = new ModelBuilder()
      .input('x', SHAPE)
      .node('Sigmoid', ['x'], ['s'])
      .node('Mul', ['x', 's'], ['y'])
      .output('s')
      .output('y')
      .graph();
    expect(operators(recogniseActivations(graph))).toEqual(['Sigmoid', 'Mul']);
  });

  it('expands the smaller side of a product', async () => {
    const bytes = new ModelBuilder()
      .input('x', SHAPE)
      .node('GlobalAveragePool', ['x'], ['m'])
      .node('Sigmoid', ['m'], ['s'])
      .node('Mul', ['x', 's'], ['y'])
      .output('y')
      .bytes();
    const recognised = recogniseActivations(importModel(bytes, DEFAULT_IMPORT));
    expect(operators(recognised)).toEqual(['GlobalAveragePool', 'Sigmoid', 'Expand', 'Mul']);
    await expectSameAsReference(bytes, recognised);
  });
});

describe('polynomials', () => {
  it.each([
    ['Mul', new ModelBuilder().node('Mul', ['x', 'x'], ['y'])],
    ['Pow', new ModelBuilder().constant('two', scalar(2)).node('Pow', ['x', 'two'], ['y'])],
  ])('squares by %s', (_, builder) => {
    const [node] = recogniseActivations(builder.input('x', SHAPE).output('y').graph()).nodes;
    expect(node).toMatchObject({
      op: 'Polynomial',
      attributes: { degree: 2, center: [0], halfWidth: [1], coefficients: [0.5, 0, 0.5] },
    });
  });

  it('collects constants per channel', async () => {
    const bytes = new ModelBuilder()
      .input('x', SHAPE)
      .constant('a', randomTensor([3, 1, 1], 1))
      .constant('b', randomTensor([1, 3, 1, 1], 2))
      .constant('three', scalar(3))
      .node('Add', ['x', 'a'], ['t'])
      .node('Pow', ['t', 'three'], ['cube'])
      .node('Mul', ['t', 'b'], ['scaled'])
      .node('Sub', ['cube', 'scaled'], ['y'])
      .output('y')
      .bytes();
    const recognised = recogniseActivations(importModel(bytes, DEFAULT_IMPORT));
    expect(operators(recognised)).toEqual(['Polynomial']);
    expect(polynomialAttributes(recognised.nodes[0]!)).toMatchObject({ axis: 1, degree: 3 });
    await expectSameAsReference(bytes, recognised);
  });

  it('leaves what is too high, or varies along two axes', () => {
    const high = new ModelBuilder()
      .constant('p', scalar(65))
      .input('x', SHAPE)
      .node('Pow', ['x', 'p'], ['y'])
      .output('y');
    expect(operators(recogniseActivations(high.graph()))).toEqual(['Pow']);
    const mixed = new ModelBuilder()
      .input('x', SHAPE)
      .constant('a', randomTensor([3, 1, 1], 1))
      .constant('b', randomTensor([2], 2))
      .node('Mul', ['x', 'a'], ['s'])
      .node('Mul', ['s', 's'], ['q'])
      .node('Mul', ['q', 'b'], ['y'])
      .output('y');
    expect(operators(recogniseActivations(mixed.graph()))).toEqual(['Mul', 'Polynomial']);
  });

  it.each([
    ['Polynomial Add', 2 ** 80],
    ['Polynomial', 2 ** 30],
  ])('leaves a term out of which float64 would keep nothing in T_k: %s for %d x² + 1', (left, factor) => {
    const sum = new ModelBuilder()
      .input('x', SHAPE)
      .constant('factor', scalar(factor))
      .constant('one', scalar(1))
      .node('Mul', ['x', 'x'], ['square'])
      .node('Mul', ['square', 'factor'], ['scaled'])
      .node('Add', ['scaled', 'one'], ['y'])
      .output('y');
    expect(operators(recogniseActivations(sum.graph())).join(' ')).toBe(left);
  });

  it.each([2, 3, 7, 16, 31])('reads back what encodeOnnx writes, degree %i', (degree) => {
    const channels = 3;
    const exact = (values: Float64Array): number[] => Array.from(values, Math.fround);
    const attributes: PolynomialAttributes = {
      axis: 1,
      degree,
      center: exact(randomValues(channels, 1)),
      halfWidth: exact(randomValues(channels, 2).map((x) => 4 + x)),
      coefficients: exact(randomValues(channels * (degree + 1), 3)),
    };
    const node: TensorNode = {
      name: 'p',
      op: 'Polynomial',
      inputs: ['x'],
      outputs: ['y'],
      attributes: { ...attributes },
    };
    const graph: TensorGraph = {
      name: 'one',
      opset: 21,
      inputs: ['x'],
      outputs: ['y'],
      nodes: [node],
      constants: new Map(),
      shapes: new Map([
        ['x', SHAPE],
        ['y', SHAPE],
      ]),
      clientOperators: [[]],
      constantOutputs: new Map(),
      warnings: [],
    };
    const again = recogniseActivations(importModel(encodeOnnx(graph, { batch: 'symbolic' }), DEFAULT_IMPORT));
    expect(operators(again)).toEqual(['Polynomial']);
    const read = polynomialAttributes(again.nodes[0]!);
    expect(read).toMatchObject({
      axis: 1,
      degree,
      center: attributes.center,
      halfWidth: attributes.halfWidth,
    });
    for (const [k, value] of read.coefficients.entries())
      expect(value).toBeCloseTo(attributes.coefficients[k]!, 12);
  });
});
