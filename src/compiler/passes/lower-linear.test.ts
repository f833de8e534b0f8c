import { describe, expect, it } from 'vitest';
import { elementCount } from '../../program/layout.ts';
import { BOUND_MARGIN } from '../analysis/bounds.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { PolynomialGraph, TensorRange } from '../ir/polynomial-graph.ts';
import type { AttributeValue, ConstantTensor, Shape, TensorNode } from '../ir/tensor-graph.ts';
import { composeLinear } from './testing/compose-linear.ts';
import { lowerLinear } from './lower-linear.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { placeLevels } from './place-levels.ts';

interface Sketch {
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly outputs: readonly string[];
  readonly constants?: Readonly<Record<string, ConstantTensor>>;
  readonly nodes: readonly TensorNode[];
  /** Shapes of the nodes' outputs. */
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly ranges?: Readonly<Record<string, readonly [number, number]>>;
}

function model(sketch: Sketch): PolynomialGraph {
  const constants = Object.entries(sketch.constants ?? {});
  const ranges = Object.entries(sketch.ranges ?? {}).map(([tensor, [min, max]]): [string, TensorRange] => [
    tensor,
    { tensor, min, max },
  ]);
  return {
    graph: {
      name: 'model',
      opset: 21,
      inputs: Object.keys(sketch.inputs),
      outputs: sketch.outputs,
      nodes: sketch.nodes,
      constants: new Map(constants),
      shapes: new Map([
        ...Object.entries(sketch.inputs),
        ...Object.entries(sketch.shapes),
        ...constants.map(([name, { shape }]): [string, Shape] => [name, shape]),
      ]),
      clientOperators: sketch.outputs.map(() => []),
      constantOutputs: new Map(),
      warnings: [],
    },
    approximations: [],
    quality: {
      samples: 0,
      originalAccuracy: null,
      polynomialAccuracy: null,
      agreement: null,
      rmsOutputError: 0,
      maxOutputError: 0,
      rmsOutput: 1,
    },
    ranges: new Map(ranges),
    outliers: new Set(),
    certified: { inputs: [], outputs: [] },
    warnings: [],
  };
}

function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
): TensorNode {
  return { name: `${op.toLowerCase()}_${outputs[0]!}`, op, inputs, outputs, attributes };
}

function tensor(
  shape: Shape,
  values: readonly number[],
  type: ConstantTensor['type'] = 'float',
): ConstantTensor {
  return { shape, type, data: Float64Array.from(values) };
}

/** y = Σ_k coefficients[k] T_k((x − center) / halfWidth), one polynomial for all channels. */
function polynomial(
  input: string,
  output: string,
  coefficients: readonly number[],
  range = [0, 1],
): TensorNode {
  const [center, halfWidth] = [[range[0]!], [range[1]!]];
  return node('Polynomial', [input], [output], {
    axis: 1,
    degree: coefficients.length - 1,
    center,
    halfWidth,
    coefficients,
  });
}

function run(graph: LinearGraph, ...inputs: (readonly number[])[]): number[][] {
  return evaluateLinearGraph(
    graph,
    inputs.map((values) => Float64Array.from(values)),
  ).map((values) => Array.from(values));
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, e) => expect(actual[e]).toBeCloseTo(value, 10));
}

describe('lowerLinear', () => {
  it('lowers convolution, activation, pooling and a dense layer, which compose to two maps', () => {
    const p = model({
      inputs: { x: [1, 1, 3, 3] },
      outputs: ['y'],
      constants: {
        w: tensor([1, 1, 2, 2], [1, 2, 3, 4]),
        b: tensor([1], [0.5]),
        fc: tensor([1, 2], [10, -1]),
      },
      nodes: [
        node('Conv', ['x', 'w', 'b'], ['c'], { kernel_shape: [2, 2] }),
        polynomial('c', 'a', [0.5, 0, 0.5]),
        node('GlobalAveragePool', ['a'], ['p']),
        node('Flatten', ['p'], ['f'], { axis: 1 }),
        node('Gemm', ['f', 'fc'], ['y']),
      ],
      shapes: { c: [1, 1, 2, 2], a: [1, 1, 2, 2], p: [1, 1, 1, 1], f: [1, 1], y: [1, 2] },
    });
    expect(() => lowerLinear(p, 5)).toThrow(
      expect.objectContaining({ code: 'MODEL_TOO_LARGE', node: p.graph.nodes[0]!.name }) as Error,
    );
    const lowered = lowerLinear(p);
    expect(lowered.nodes.map((n) => n.kind)).toEqual([
      'input',
      'linear',
      'polynomial',
      'linear',
      'linear',
      'linear',
    ]);
    // windows of 1 … 9: 37.5, 47.5, 67.5, 77.5
    const mean = (37.5 ** 2 + 47.5 ** 2 + 67.5 ** 2 + 77.5 ** 2) / 4;
    const x = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    expectClose(run(lowered, x)[0]!, [10 * mean, -mean]);
    const composed = composeLinear(normalisePolynomials(lowered));
    expect(composed.nodes.map((n) => n.kind)).toEqual(['input', 'linear', 'polynomial', 'linear']);
    expect(placeLevels(composed).length.depth).toBe(3);
    expectClose(
      run(composed, x)[0]!.map((value) => value / mean),
      [10, -1],
    );
    expect(composed.nodes[3]!.layer).toBe('globalaveragepool_p+gemm_y');
    expect(composed.nodes[3]!.shape).toEqual([1, 2]);
  });

  it('normalises each channel by its own range', () => {
    const attributes = {
      axis: 1,
      degree: 1,
      center: [1, -2],
      halfWidth: [2, 4],
      coefficients: [0, 1, 10, 100],
    };
    const p = model({
      inputs: { x: [1, 2, 2] },
      outputs: ['y'],
      nodes: [node('Polynomial', ['x'], ['y'], attributes)],
      shapes: { y: [1, 2, 2] },
    });
    expectClose(run(lowerLinear(p), [1, 5, -2, 2])[0]!, [0, 2, 10, 110]);
  });

  it('normalises what several polynomials of one range read once', () => {
    const p = model({
      inputs: { x: [1, 2, 2] },
      outputs: ['y', 'z', 'w'],
      nodes: [
        polynomial('x', 'y', [0, 1], [1, 2]),
        polynomial('x', 'z', [1, 0, 1], [1, 2]),
        polynomial('x', 'w', [0, 1], [1, 4]),
      ],
      shapes: { y: [1, 2, 2], z: [1, 2, 2], w: [1, 2, 2] },
    });
    const graph = lowerLinear(p);
    expect(graph.nodes.filter(({ kind }) => kind === 'linear')).toHaveLength(2);
    const [y, z, w] = run(graph, [3, 1, -1, 5]);
    expectClose(y!, [1, 0, -1, 2]);
    expectClose(z!, [2, 0, 2, 8]);
    expectClose(w!, [0.5, 0, -0.5, 1]);
  });

  it('makes one linear node per output of Split, and none of them costs a level', () => {
    const p = model({
      inputs: { x: [1, 4] },
      outputs: ['y'],
      nodes: [
        node('Split', ['x'], ['s0', 's1'], { axis: 1, num_outputs: 2 }),
        node('Concat', ['s1', 's0'], ['c'], { axis: 1 }),
        node('Add', ['c', 'x'], ['y']),
      ],
      shapes: { s0: [1, 2], s1: [1, 2], c: [1, 4], y: [1, 4] },
    });
    const lowered = lowerLinear(p);
    expect(lowered.nodes).toHaveLength(5);
    expectClose(run(lowered, [1, 2, 30, 40])[0]!, [31, 42, 31, 42]);
    const composed = composeLinear(lowered);
    expect(composed.nodes).toHaveLength(2);
    expectClose(run(composed, [1, 2, 30, 40])[0]!, [31, 42, 31, 42]);
  });

  it('broadcasts the operands of a product', () => {
    const p = model({
      inputs: { x: [1, 2, 2], s: [1, 2, 1] },
      outputs: ['y'],
      nodes: [node('Mul', ['s', 'x'], ['y'])],
      shapes: { y: [1, 2, 2] },
    });
    expectClose(run(lowerLinear(p), [1, 2, 3, 4], [10, 100])[0]!, [10, 20, 300, 400]);
  });

  it('takes x · x as a square', () => {
    const p = model({
      inputs: { x: [1, 2] },
      outputs: ['y'],
      nodes: [node('Mul', ['x', 'x'], ['y'])],
      shapes: { y: [1, 2] },
    });
    const composed = composeLinear(normalisePolynomials(lowerLinear(p)));
    expect(composed.nodes.map((n) => n.kind)).toEqual(['input', 'polynomial']);
    expectClose(run(composed, [3, -4])[0]!, [9, 16]);
  });

  it('takes bounds from calibration, and at worst from the sources where there was none', () => {
    const p = model({
      inputs: { x: [1, 2] },
      outputs: ['y'],
      constants: { w: tensor([2, 2], [1, -3, 2, 4]) },
      nodes: [
        node('MatMul', ['x', 'w'], ['h']),
        polynomial('h', 'a', [0, 0, 1], [1, 4]),
        node('MatMul', ['a', 'w'], ['y']),
      ],
      shapes: { h: [1, 2], a: [1, 2], y: [1, 2] },
      ranges: { x: [-1, 2], h: [-7, 3] },
    });
    const bounds = lowerLinear(p).nodes.map((n) => n.bound);
    // x, h, (h − 1) / 4, T_2 of that, and the rows (1, 2) and (−3, 4) of wᵀ
    const t = 2 * BOUND_MARGIN;
    const square = 2 * t * t - 1;
    expect(bounds).toEqual([2 * BOUND_MARGIN, 7 * BOUND_MARGIN, t, square, 7 * square]);
  });

  it('refuses an output that no input reaches, and operators that are not linear', () => {
    const constant = model({
      inputs: { x: [1] },
      outputs: ['c'],
      constants: { c: tensor([1], [1]) },
      nodes: [],
      shapes: {},
    });
    expect(() => lowerLinear(constant)).toThrow(
      expect.objectContaining({ code: 'OUTPUT_CONSTANT' }) as Error,
    );
    const relu = model({
      inputs: { x: [1] },
      outputs: ['y'],
      nodes: [node('Relu', ['x'], ['y'])],
      shapes: { y: [1] },
    });
    expect(() => lowerLinear(relu)).toThrow(
      expect.objectContaining({ code: 'OPERATOR_NOT_LOWERED' }) as Error,
    );
  });

  it('keeps an input that is an output runnable', () => {
    const p = model({ inputs: { x: [1, 3] }, outputs: ['x'], nodes: [], shapes: {} });
    const composed = composeLinear(lowerLinear(p));
    expect(composed.nodes.map((n) => n.kind)).toEqual(['input', 'linear']);
    expect(elementCount(composed.nodes[1]!.shape)).toBe(3);
    expectClose(run(composed, [1, 2, 3])[0]!, [1, 2, 3]);
  });
});
