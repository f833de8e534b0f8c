import { broadcastKeepsBatch } from '../kernels.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

function concatAxis(view: NodeView): number {
  return view.axis(view.number('axis'), view.shape(0).length);
}

export const concat: Operator = {
  name: 'Concat',
  specUrl: specUrl('Concat'),
  since: [4, 11, 13],
  summary: 'along any axis; constant parts allowed',
  category: 'linear',
  inputs: [1, Infinity],
  attributes: { axis: { kind: 'int', required: true } },
  parameters: [],
  inferShapes: (view) => {
    const axis = concatAxis(view);
    const result = [...view.shape(0)];
    for (let index = 1; index < view.inputCount; index++) {
      const shape = view.shape(index);
      const fits = shape.length === result.length && shape.every((dim, i) => i === axis || dim === result[i]);
      if (!fits)
        view.fail('INVALID_SHAPE', `input ${index} of shape [${shape.join(', ')}] does not fit the others`);
      result[axis]! += shape[axis]!;
    }
    return [result];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const axis = concatAxis(view);
      const sources = new Int32Array(sizeOf(view.outputShape(0)));
      const outer = sizeOf(view.outputShape(0).slice(0, axis));
      const starts: number[] = [];
      let total = 0;
      for (let index = 0; index < view.inputCount; index++) {
        starts.push(total);
        total += sizeOf(view.shape(index));
      }
      let write = 0;
      for (let o = 0; o < outer; o++) {
        for (const [index, start] of starts.entries()) {
          const run = sizeOf(view.shape(index).slice(axis));
          for (let k = 0; k < run; k++) sources[write++] = start + o * run + k;
        }
      }
      return { data: starts.map((_, index) => index), sources, fill: 0 };
    },
  }),
  // A constant part would have to be repeated for every batch entry.
  keepsBatch: (view) =>
    concatAxis(view) !== 0 && broadcastKeepsBatch(view) && view.encryptedInputs().length === view.inputCount,
};
