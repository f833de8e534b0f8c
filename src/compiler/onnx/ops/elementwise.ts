import { elementwiseFunction } from '../elementwise-chain.ts';
import { mapConstant } from '../kernels.ts';
import type { Operator } from '../operator.ts';

/** Internal: a chain of element-wise operators that is one function of one variable. */
export function elementwise(find: (op: string) => Operator): Operator {
  return {
    name: 'Elementwise',
    specUrl: '',
    since: [],
    summary: 'a chain of element-wise operators from one tensor to one tensor',
    category: 'activation',
    inputs: [1, 1],
    attributes: { chain: { kind: 'string', required: true } },
    parameters: [],
    internal: true,
    inferShapes: (view) => [view.shape(0)],
    behaviour: (view) => ({
      kind: 'activation',
      scalar: { evaluate: elementwiseFunction(view.string('chain'), find) },
    }),
    evaluate: (view) => [mapConstant(view.parameter(0), elementwiseFunction(view.string('chain'), find))],
  };
}
