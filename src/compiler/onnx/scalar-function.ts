/** The scalar function that an activation node applies to every element. */
import { InternalError } from '../../errors.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { behaviourOf } from './classify.ts';
import type { ScalarFunction } from './operator.ts';

export function scalarFunction(graph: TensorGraph, node: TensorNode): ScalarFunction {
  const behaviour = behaviourOf(graph, node);
  if (behaviour.kind !== 'activation') {
    throw new InternalError(`${node.op} '${node.name}' is not an activation`, { node: node.name });
  }
  return behaviour.scalar;
}
