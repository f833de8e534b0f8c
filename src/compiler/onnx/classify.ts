/** What a node of a TensorGraph is to the later stages. */
import { CompileError, unreachable } from '../../errors.ts';
import type { TensorGraph, TensorNode } from '../ir/tensor-graph.ts';
import { viewOf } from './node-view.ts';
import type { Behaviour } from './operator.ts';
import { operatorOf } from './operators.ts';

export type NodeClass = 'linear' | 'activation' | 'max-pool' | 'polynomial' | 'product';

export function behaviourOf(graph: TensorGraph, node: TensorNode): Behaviour {
  const operator = operatorOf(node.op);
  return operator.behaviour(viewOf(graph, node, operator));
}

/** @throws CompileError NOT_COMPILABLE for constants and operators that only the client can apply */
export function classify(graph: TensorGraph, node: TensorNode): NodeClass {
  const { kind } = behaviourOf(graph, node);
  switch (kind) {
    case 'movement':
    case 'linear':
      return 'linear';
    case 'activation':
    case 'max-pool':
    case 'polynomial':
    case 'product':
      return kind;
    case 'client':
    case 'constant':
      throw new CompileError(
        'NOT_COMPILABLE',
        `${node.op} '${node.name}' cannot be computed on encrypted data`,
        {
          node: node.name,
          hint:
            kind === 'client'
              ? 'it is supported only at an output of the model, after strip-output-operators'
              : 'its inputs must be constants, removed by fold-constants',
        },
      );
    default:
      return unreachable(kind, 'behaviour');
  }
}
