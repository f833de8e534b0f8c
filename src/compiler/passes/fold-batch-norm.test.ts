import { describe, expect, it } from 'vitest';
import type { Shape } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import type { TestAttribute } from '../onnx/testing/model-builder.ts';
import { ModelBuilder, float, randomTensor, randomValues } from '../onnx/testing/model-builder.ts';
import { interpret, maxDifference } from '../onnx/testing/reference.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';

function model(
  op: string,
  input: Shape,
  weights: Shape,
  bias: Shape | null,
  attributes: Record<string, TestAttribute>,
  channels: number,
) {
  const builder = new ModelBuilder().input('x', input).constant('w', randomTensor(weights, 1));
  if (bias !== null) builder.constant('b', randomTensor(bias, 2));
  builder.node(op, bias === null ? ['x', 'w'] : ['x', 'w', 'b'], ['a'], attributes);
  for (const [k, name] of ['scale', 'shift', 'mean', 'variance'].entries()) {
    const values = randomTensor([channels], 3 + k);
    builder.constant(
      name,
      name === 'variance' ? { ...values, data: values.data.map((v) => v * v + 0.1) } : values,
    );
  }
  return builder.node('BatchNormalization', ['a', 'scale', 'shift', 'mean', 'variance'], ['y']).output('y');
}

describe('foldBatchNorm', () => {
  it.each([
    ['Conv', [1, 4, 5, 5], [6, 2, 3, 3], [6], { group: 2 }, 6],
    ['Conv', [1, 4, 5, 5], [6, 4, 1, 1], null, {}, 6],
    ['ConvTranspose', [1, 4, 3, 3], [4, 3, 2, 2], [6], { group: 2 }, 6],
    ['Gemm', [2, 3], [3, 4], [1, 4], { alpha: float(0.5), beta: float(3) }, 4],
    ['Gemm', [2, 3], [4, 3], [1], { transB: 1 }, 4],
  ] as const)('into %s %j', (op, input, weights, bias, attributes, channels) => {
    const graph = model(op, input, weights, bias, attributes, channels).graph();
    const folded = foldBatchNorm(graph);
    expect(folded.nodes.map((node) => node.op)).toEqual([op]);
    const inputs = new Map([
      [
        'x',
        randomValues(
          shapeOf(graph, 'x').reduce((a, b) => a * b, 1),
          8,
        ),
      ],
    ]);
    expect(
      maxDifference(interpret(folded, inputs).get('y')!, interpret(graph, inputs).get('y')!),
    ).toBeLessThan(1e-12);
  });

  it('stays where something else reads what is in between', () => {
    const graph = model('Conv', [1, 2, 3, 3], [2, 2, 1, 1], null, {}, 2).output('a').graph();
    expect(foldBatchNorm(graph).nodes.map((node) => node.op)).toEqual(['Conv', 'BatchNormalization']);
  });
});
