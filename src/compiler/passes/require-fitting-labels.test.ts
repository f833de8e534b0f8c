import { expect, it } from 'vitest';
import { ModelBuilder, randomTensor } from '../onnx/testing/model-builder.ts';
import { requireFittingLabels } from './require-fitting-labels.ts';

const graph = new ModelBuilder()
  .input('x', ['N', 4])
  .constant('w', randomTensor([4, 3], 1))
  .node('MatMul', ['x', 'w'], ['scores'])
  .output('scores')
  .graph();

it('takes one name for each class, or none at all', () => {
  requireFittingLabels(graph, ['cat', 'dog', 'bird']);
  requireFittingLabels(graph, []);
});

it('refuses another number of names and says what the output has', () => {
  expect(() => requireFittingLabels(graph, ['cat', 'dog'])).toThrow(
    expect.objectContaining({
      code: 'LABELS_MISMATCH',
      message: expect.stringContaining('scores [1, 3]') as string,
    }),
  );
});
