import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

export const constantOfShape: Operator = {
  name: 'ConstantOfShape',
  specUrl: specUrl('ConstantOfShape'),
  since: [9, 20, 21, 23, 24, 25],
  summary: 'a constant tensor of a given shape',
  category: 'constant',
  inputs: [1, 1],
  attributes: { value: { kind: 'tensor' } },
  parameters: [0],
  inferShapes: (view) => {
    const shape = view.integers(0)!;
    if (shape.some((dim) => dim < 0)) view.fail('INVALID_SHAPE', `[${shape.join(', ')}] is not a shape`);
    return [shape];
  },
  behaviour: () => ({ kind: 'constant' }),
  evaluate: (view) => {
    const value = view.attribute('value');
    const fill = typeof value === 'object' && 'data' in value ? value : null;
    const shape = view.outputShape(0);
    const data = new Float64Array(sizeOf(shape)).fill(fill?.data[0] ?? 0);
    return [{ shape, type: fill?.type ?? 'float', data }];
  },
};
