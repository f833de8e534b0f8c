import type { ConstantTensor } from '../../ir/tensor-graph.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';

function valueOf(view: NodeView): ConstantTensor {
  const tensor = view.attribute('value');
  if (tensor !== undefined && typeof tensor === 'object' && 'data' in tensor) return tensor;
  for (const [suffix, type] of [
    ['float', 'float'],
    ['int', 'int'],
  ] as const) {
    if (view.hasAttribute(`value_${suffix}`)) {
      return { shape: [], type, data: Float64Array.of(view.number(`value_${suffix}`)) };
    }
    const list = view.numbers(`value_${suffix}s`);
    if (list !== null) return { shape: [list.length], type, data: Float64Array.from(list) };
  }
  return view.fail('UNSUPPORTED_TYPE', 'only numeric constants are supported');
}

export const constant: Operator = {
  name: 'Constant',
  specUrl: specUrl('Constant'),
  since: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25],
  summary: 'a tensor or numbers',
  limits: 'dense numeric values',
  category: 'constant',
  inputs: [0, 0],
  attributes: {
    value: { kind: 'tensor' },
    value_float: { kind: 'float' },
    value_floats: { kind: 'floats' },
    value_int: { kind: 'int' },
    value_ints: { kind: 'ints' },
  },
  parameters: [],
  inferShapes: (view) => [valueOf(view).shape],
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => [valueOf(view)],
};
