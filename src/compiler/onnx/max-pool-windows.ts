/** The windows of a MaxPool node. */
import { InternalError } from '../../errors.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { behaviourOf } from './classify.ts';
import type { Windows } from './operator.ts';

/** For each output element, the input elements of its window (padding never wins and is left out). */
export function maxPoolWindows(graph: TensorGraph, node: TensorNode): Windows {
  const behaviour = behaviourOf(graph, node);
  if (behaviour.kind !== 'max-pool') {
    throw new InternalError(`${node.op} '${node.name}' is not a max-pool`, { node: node.name });
  }
  return behaviour.windows();
}
