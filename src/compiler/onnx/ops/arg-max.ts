import { clientOperator } from '../client-operator.ts';

export const argMax = clientOperator({
  name: 'ArgMax',
  since: [1, 11, 12, 13],
  summary: 'index of the largest entry along an axis',
  attributes: {
    axis: { kind: 'int', default: 0 },
    keepdims: { kind: 'int', default: 1 },
    select_last_index: { kind: 'int', default: 0, values: [0] },
  },
  inferShapes: (view) => {
    const shape = view.shape(0);
    const axis = view.axis(view.number('axis'), shape.length);
    const keep = view.number('keepdims') !== 0;
    return [shape.flatMap((dim, i) => (i === axis ? (keep ? [1] : []) : [dim]))];
  },
});
