import { scalarParameter } from '../activation.ts';
import { SparseMatrixBuilder } from '../../linear/sparse-matrix.ts';
import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

function sumAxis(view: NodeView): number {
  return view.axis(scalarParameter(view, 1, 0), view.shape(0).length);
}

function linear(view: NodeView): LinearDefinition {
  const shape = view.shape(0);
  const axis = sumAxis(view);
  const stride = stridesOf(shape)[axis]!;
  const size = shape[axis]!;
  const reverse = view.number('reverse') !== 0;
  const exclusive = view.number('exclusive') !== 0 ? 1 : 0;
  const builder = new SparseMatrixBuilder(sizeOf(shape), sizeOf(shape));
  for (let element = 0; element < sizeOf(shape); element++) {
    const index = Math.floor(element / stride) % size;
    const [from, to] = reverse ? [index + exclusive, size - 1] : [0, index - exclusive];
    for (let k = from; k <= to; k++) builder.add(element + (k - index) * stride, 1);
    builder.endRow();
  }
  return { terms: [{ input: 0, matrix: builder.build() }], bias: null };
}

export const cumSum: Operator = {
  name: 'CumSum',
  specUrl: specUrl('CumSum'),
  since: [11, 14],
  summary: 'running sums along an axis, exclusive and reverse',
  limits: 'the axis must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: { exclusive: { kind: 'int', default: 0 }, reverse: { kind: 'int', default: 0 } },
  parameters: [1],
  inferShapes: (view) => {
    sumAxis(view);
    return [view.shape(0)];
  },
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
  keepsBatch: (view) => sumAxis(view) !== 0,
};
