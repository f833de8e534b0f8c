import { scalarParameter } from '../activation.ts';
import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf, stridesOf } from '../shapes.ts';

/** Amounts before and after every axis; negative amounts crop. */
function amounts(view: NodeView): { readonly begin: number[]; readonly end: number[] } {
  const rank = view.shape(0).length;
  const pads = view.integers(1)!;
  const axes = view.axes(view.integers(3) ?? Array.from({ length: rank }, (_, axis) => axis), rank);
  if (pads.length !== 2 * axes.length) {
    view.fail('INVALID_PARAMETER', `pads must have ${2 * axes.length} entries, not ${pads.length}`);
  }
  const begin = new Array<number>(rank).fill(0);
  const end = new Array<number>(rank).fill(0);
  for (const [k, axis] of axes.entries()) {
    begin[axis] = pads[k]!;
    end[axis] = pads[k + axes.length]!;
  }
  return { begin, end };
}

/** Position of the input that padded position `index` shows, or −1 for the fill value. */
function locate(mode: string, index: number, size: number): number {
  if (index >= 0 && index < size) return index;
  switch (mode) {
    case 'edge':
      return index < 0 ? 0 : size - 1;
    case 'wrap':
      return ((index % size) + size) % size;
    case 'reflect': {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const phase = ((index % period) + period) % period;
      return phase < size ? phase : period - phase;
    }
    default:
      return -1;
  }
}

export const pad: Operator = {
  name: 'Pad',
  specUrl: specUrl('Pad'),
  since: [2, 11, 13, 18, 19, 21, 23, 24, 25],
  summary: 'constant, edge, reflect and wrap; negative amounts crop',
  limits: 'amounts and value must be constant',
  category: 'linear',
  inputs: [2, 4],
  attributes: {
    mode: { kind: 'string', default: 'constant', values: ['constant', 'edge', 'reflect', 'wrap'] },
  },
  parameters: [1, 2, 3],
  upgrade: (node) => {
    if (node.opset >= 11) return;
    node.integersToInput('pads', 1);
    node.floatToInput('value', 2);
  },
  inferShapes: (view) => {
    const { begin, end } = amounts(view);
    const shape = view.shape(0).map((dim, axis) => dim + begin[axis]! + end[axis]!);
    if (shape.some((dim) => dim < 0)) view.fail('INVALID_SHAPE', 'it crops more than there is');
    const cropped = (axis: number): number => Math.max(0, -begin[axis]!) + Math.max(0, -end[axis]!);
    const empty = view.shape(0).some((dim, axis) => dim <= cropped(axis));
    if (empty && view.string('mode') !== 'constant')
      view.fail('INVALID_SHAPE', 'an empty tensor has no edge to repeat');
    return [shape];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const input = view.shape(0);
      const output = view.outputShape(0);
      const { begin, end } = amounts(view);
      // What is cropped is gone before edges are repeated.
      const cropped = begin.map((amount) => Math.max(0, -amount));
      const left = input.map((dim, axis) => dim - cropped[axis]! - Math.max(0, -end[axis]!));
      const mode = view.string('mode');
      const strides = stridesOf(input);
      const inner = stridesOf(output);
      const sources = new Int32Array(sizeOf(output));
      for (let element = 0; element < sources.length; element++) {
        let source = 0;
        for (let axis = 0; axis < output.length; axis++) {
          const index = Math.floor(element / inner[axis]!) % output[axis]!;
          const position = locate(mode, index - Math.max(0, begin[axis]!), left[axis]!);
          if (position < 0) {
            source = -1;
            break;
          }
          source += (position + cropped[axis]!) * strides[axis]!;
        }
        sources[element] = source;
      }
      return { data: [0], sources, fill: mode === 'constant' ? scalarParameter(view, 2, 0) : 0 };
    },
  }),
  keepsBatch: (view) => {
    const { begin, end } = amounts(view);
    return begin[0] === 0 && end[0] === 0;
  },
};
