import { expect, it } from 'vitest';
import { shapeOf } from '../ir/tensor-graph.ts';
import { ModelBuilder, randomTensor, randomValues } from '../onnx/testing/model-builder.ts';
import { interpret, maxDifference, runReference } from '../onnx/testing/reference.ts';
import { decomposeSoftmax } from './decompose-softmax.ts';
import { recogniseActivations } from './recognise-activations.ts';
import { stripOutputOperators } from './strip-output-operators.ts';

it.each(['Softmax', 'LogSoftmax'])('%s before another layer becomes functions and a sum', async (op) => {
  const builder = new ModelBuilder()
    .input('x', [2, 3, 4])
    .constant('w', randomTensor([4, 2], 1))
    .node(op, ['x'], ['s'], { axis: 1 })
    .node('MatMul', ['s', 'w'], ['y'])
    .output('y');
  const graph = decomposeSoftmax(stripOutputOperators(builder.graph()));
  expect(graph.nodes.map((node) => node.op)).not.toContain(op);
  expect(graph.warnings).toHaveLength(1);
  const inputs = new Map([['x', randomValues(24, 3, 2).map(Math.fround)]]);
  const expected = await runReference(builder.bytes(), inputs, (name) => shapeOf(graph, name));
  const actual = interpret(recogniseActivations(graph), inputs);
  expect(maxDifference(actual.get('y')!, expected.get('y')!)).toBeLessThan(1e-5);
});

it('leaves Softmax at an output to the client', () => {
  const builder = new ModelBuilder().input('x', [1, 4]).node('Softmax', ['x'], ['y']).output('y');
  const stripped = stripOutputOperators(builder.graph());
  expect(decomposeSoftmax(stripped)).toBe(stripped);
  expect(stripped.clientOperators).toMatchObject([[{ op: 'Softmax' }]]);
});
