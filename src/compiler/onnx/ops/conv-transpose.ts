import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sameShape, sizeOf } from '../shapes.ts';
import { channelBias, stencilMatrix } from '../stencil.ts';
import type { WindowAxis } from '../windows.ts';
import { WINDOW_ATTRIBUTES, spatialList, windowTaps } from '../windows.ts';

/** Geometry of the spatial axes; weights are inChannels × outChannels/group × kernel. */
function geometry(view: NodeView): WindowAxis[] {
  const spatial = view.shape(0).slice(2);
  const kernel = view.shape(1).slice(2);
  const rank = spatial.length;
  const strides = spatialList(view, 'strides', rank, 1, 1);
  const dilations = spatialList(view, 'dilations', rank, 1, 1);
  const extra = spatialList(view, 'output_padding', rank, 0, 0);
  const autoPad = view.string('auto_pad');
  const asked = view.numbers('output_shape');
  const pads =
    autoPad === 'NOTSET' ? spatialList(view, 'pads', 2 * rank, 0, 0) : new Array<number>(2 * rank).fill(0);
  return spatial.map((input, axis) => {
    const full = strides[axis]! * (input - 1) + extra[axis]! + (kernel[axis]! - 1) * dilations[axis]! + 1;
    let padBegin = pads[axis]!;
    let output = full - padBegin - pads[axis + rank]!;
    const same = autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER';
    if (asked !== null || same) {
      output = asked === null ? input * strides[axis]! : asked[asked.length - rank + axis]!;
      const total = Math.max(0, full - output);
      padBegin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : total - Math.floor(total / 2);
    }
    if (!(output >= 1)) view.fail('INVALID_SHAPE', `pads leave nothing on spatial axis ${axis}`);
    return {
      input,
      output,
      kernel: kernel[axis]!,
      stride: strides[axis]!,
      dilation: dilations[axis]!,
      padBegin,
      padEnd: full - output - padBegin,
    };
  });
}

function checkShapes(view: NodeView): void {
  const input = view.shape(0);
  const weights = view.shape(1);
  const group = view.number('group');
  if (input.length < 3 || weights.length !== input.length || sizeOf(weights) === 0) {
    view.fail(
      'INVALID_SHAPE',
      `input of rank ${input.length} and weights [${weights.join(', ')}] do not fit`,
    );
  }
  const kernel = view.numbers('kernel_shape');
  if (kernel !== null && !sameShape(kernel, weights.slice(2))) {
    view.fail('INVALID_ATTRIBUTE', `kernel_shape [${kernel.join(', ')}] is not that of the weights`);
  }
  const asked = view.numbers('output_shape');
  if (asked !== null && asked.length !== input.length - 2 && asked.length !== input.length) {
    view.fail('INVALID_ATTRIBUTE', `output_shape must have ${input.length - 2} entries`);
  }
  if (group < 1 || input[1]! % group !== 0 || input[1] !== weights[0]) {
    view.fail(
      'INVALID_SHAPE',
      `${input[1]} channels do not fit weights [${weights.join(', ')}] in ${group} groups`,
    );
  }
  if (view.hasInput(2) && !sameShape(view.shape(2), [weights[1]! * group])) {
    view.fail('INVALID_SHAPE', `the bias must have ${weights[1]! * group} entries`);
  }
}

function linear(view: NodeView): LinearDefinition {
  const [batch, inChannels, ...spatial] = view.shape(0) as [number, number, ...number[]];
  const [, outPerGroup, ...kernel] = view.shape(1) as [number, number, ...number[]];
  const groups = view.number('group');
  const inPerGroup = inChannels / groups;
  const kernelSize = sizeOf(kernel);
  const taps = windowTaps(geometry(view), true);
  const matrix = stencilMatrix({
    batch,
    inChannels,
    outChannels: outPerGroup * groups,
    groups,
    inSize: sizeOf(spatial),
    taps,
    weightBase: (out, inGroup) => {
      const channel = Math.floor(out / outPerGroup) * inPerGroup + inGroup;
      return (channel * outPerGroup + (out % outPerGroup)) * kernelSize;
    },
    weights: view.parameter(1).data,
  });
  const bias = view.hasInput(2) ? channelBias(view.parameter(2).data, batch, taps.length) : null;
  return { terms: [{ input: 0, matrix }], bias };
}

export const convTranspose: Operator = {
  name: 'ConvTranspose',
  specUrl: specUrl('ConvTranspose'),
  since: [1, 11, 22],
  summary: '1-D, 2-D, 3-D …; strides, pads, auto_pad, output_padding, output_shape, dilations, groups',
  limits: 'weights must be constant',
  category: 'linear',
  inputs: [2, 3],
  attributes: {
    ...WINDOW_ATTRIBUTES,
    group: { kind: 'int', default: 1 },
    kernel_shape: { kind: 'ints' },
    output_padding: { kind: 'ints' },
    output_shape: { kind: 'ints' },
  },
  parameters: [1, 2],
  inferShapes: (view) => {
    checkShapes(view);
    const channels = view.shape(1)[1]! * view.number('group');
    return [[view.shape(0)[0]!, channels, ...geometry(view).map((axis) => axis.output)]];
  },
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
};
