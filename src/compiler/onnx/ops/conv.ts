import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sameShape, sizeOf } from '../shapes.ts';
import { channelBias, stencilMatrix } from '../stencil.ts';
import type { WindowAxis } from '../windows.ts';
import { WINDOW_ATTRIBUTES, windowAxes, windowTaps } from '../windows.ts';

/** Geometry of the spatial axes; weights are outChannels × inChannels/group × kernel. */
function geometry(view: NodeView): WindowAxis[] {
  return windowAxes(view, view.shape(1).slice(2), false);
}

function checkShapes(view: NodeView): void {
  const input = view.shape(0);
  const weights = view.shape(1);
  const group = view.number('group');
  if (input.length < 3 || weights.length !== input.length) {
    view.fail(
      'INVALID_SHAPE',
      `input of rank ${input.length} and weights of rank ${weights.length} do not fit`,
    );
  }
  const kernel = view.numbers('kernel_shape');
  if (kernel !== null && !sameShape(kernel, weights.slice(2))) {
    view.fail('INVALID_ATTRIBUTE', `kernel_shape [${kernel.join(', ')}] is not that of the weights`);
  }
  if (group < 1 || weights[0]! % group !== 0 || input[1] !== weights[1]! * group || sizeOf(weights) === 0) {
    view.fail(
      'INVALID_SHAPE',
      `${input[1]} channels do not fit weights [${weights.join(', ')}] in ${group} groups`,
    );
  }
  if (view.hasInput(2) && !sameShape(view.shape(2), [weights[0]!])) {
    view.fail('INVALID_SHAPE', `the bias must have ${weights[0]} entries`);
  }
}

function linear(view: NodeView): LinearDefinition {
  const [batch, inChannels, ...spatial] = view.shape(0) as [number, number, ...number[]];
  const [outChannels, inPerGroup, ...kernel] = view.shape(1) as [number, number, ...number[]];
  const kernelSize = sizeOf(kernel);
  const taps = windowTaps(geometry(view));
  const matrix = stencilMatrix({
    batch,
    inChannels,
    outChannels,
    groups: view.number('group'),
    inSize: sizeOf(spatial),
    taps,
    weightBase: (out, inGroup) => (out * inPerGroup + inGroup) * kernelSize,
    weights: view.parameter(1).data,
  });
  const bias = view.hasInput(2) ? channelBias(view.parameter(2).data, batch, taps.length) : null;
  return { terms: [{ input: 0, matrix }], bias };
}

export const conv: Operator = {
  name: 'Conv',
  specUrl: specUrl('Conv'),
  since: [1, 11, 22],
  summary: '1-D, 2-D, 3-D …; strides, any pads, auto_pad, dilations, groups, with or without bias',
  limits: 'weights must be constant',
  category: 'linear',
  inputs: [2, 3],
  attributes: { ...WINDOW_ATTRIBUTES, group: { kind: 'int', default: 1 }, kernel_shape: { kind: 'ints' } },
  parameters: [1, 2],
  inferShapes: (view) => {
    checkShapes(view);
    return [[view.shape(0)[0]!, view.shape(1)[0]!, ...geometry(view).map((axis) => axis.output)]];
  },
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
};
