import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { stridedIndices, stridesOf } from '../shapes.ts';

function splitAxis(view: NodeView): number {
  return view.axis(view.number('axis'), view.shape(0).length);
}

/** Sizes of the parts. */
function parts(view: NodeView): number[] {
  const size = view.shape(0)[splitAxis(view)]!;
  const count = view.node.outputs.length;
  const given = view.integers(1);
  if (given === null) {
    const part = Math.ceil(size / count);
    const sizes = Array.from({ length: count }, (_, i) => Math.min(part, size - i * part));
    if (sizes.some((value) => value < 0))
      view.fail('INVALID_SHAPE', `${size} cannot be split into ${count} parts`);
    return sizes;
  }
  const total = given.reduce((sum, value) => sum + value, 0);
  if (given.length !== count || total !== size || given.some((value) => value < 0)) {
    view.fail('INVALID_SHAPE', `parts [${given.join(', ')}] do not make ${count} outputs of ${size}`);
  }
  return given;
}

export const split: Operator = {
  name: 'Split',
  specUrl: specUrl('Split'),
  since: [2, 11, 13, 18],
  summary: 'along any axis, equal or given parts',
  limits: 'the parts must be constant',
  category: 'linear',
  inputs: [1, 2],
  attributes: { axis: { kind: 'int', default: 0 }, num_outputs: { kind: 'int' } },
  parameters: [1],
  upgrade: (node) => {
    if (node.opset < 13) node.integersToInput('split', 1);
    // Version 18 wants equal parts to be counted; explicit parts mean the same in every version.
    if ((node.inputs[1] ?? '') === '') node.attributes.set('num_outputs', node.outputs.length);
  },
  inferShapes: (view) => {
    const axis = splitAxis(view);
    return parts(view).map((part) => view.shape(0).map((dim, i) => (i === axis ? part : dim)));
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: (output) => {
      const axis = splitAxis(view);
      const strides = stridesOf(view.shape(0));
      const offset = parts(view)
        .slice(0, output)
        .reduce((sum, part) => sum + part, 0);
      const sources = stridedIndices(view.outputShape(output), strides, offset * strides[axis]!);
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => splitAxis(view) !== 0,
};
