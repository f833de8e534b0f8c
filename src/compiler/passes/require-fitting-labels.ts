/** Class names must fit the model, or results would carry the wrong names. */
import { CompileError } from '../../errors.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';

/**
 * @param graph outputs are scores: what follows them (softmax, arg max) is left to the client already
 * @param labels class names; none is always fine
 * @throws CompileError LABELS_MISMATCH if no output has as many entries along one axis
 */
export function requireFittingLabels(graph: TensorGraph, labels: readonly string[]): void {
  if (labels.length === 0) return;
  const shapes = graph.outputs.map((output) => ({ output, shape: shapeOf(graph, output) }));
  if (shapes.some(({ shape }) => shape.includes(labels.length))) return;
  const found = shapes.map(({ output, shape }) => `${output} [${shape.join(', ')}]`).join(', ');
  throw new CompileError(
    'LABELS_MISMATCH',
    `${labels.length} class names are given, but no output has ${labels.length} classes: ${found}`,
    { hint: 'give one name for each class, in the order of the outputs' },
  );
}
