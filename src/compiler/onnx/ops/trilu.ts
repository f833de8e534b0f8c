import type { NodeView } from '../node-view.ts';
import { scalarParameter } from '../activation.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

function matrixShape(view: NodeView): readonly [number, number] {
  const shape = view.shape(0);
  if (shape.length < 2) view.fail('INVALID_SHAPE', 'the input must have at least two dimensions');
  return [shape.at(-2)!, shape.at(-1)!];
}

export const trilu: Operator = {
  name: 'Trilu',
  specUrl: specUrl('Trilu'),
  since: [14],
  summary: 'upper or lower triangle of matrices',
  category: 'linear',
  inputs: [1, 2],
  attributes: { upper: { kind: 'int', default: 1 } },
  parameters: [1],
  inferShapes: (view) => {
    matrixShape(view);
    return [view.shape(0)];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const [rows, columns] = matrixShape(view);
      const diagonal = scalarParameter(view, 1, 0);
      const upper = view.number('upper') !== 0;
      const sources = Int32Array.from({ length: sizeOf(view.shape(0)) }, (_, element) => {
        const column = element % columns;
        const row = Math.floor(element / columns) % rows;
        const kept = upper ? column - row >= diagonal : column - row <= diagonal;
        return kept ? element : -1;
      });
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => view.shape(0).length > 2,
};
