import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { POOL_ATTRIBUTES, poolShape, poolWindows } from '../pooling.ts';
import { channelWindows } from '../stencil.ts';

export const maxPool: Operator = {
  name: 'MaxPool',
  specUrl: specUrl('MaxPool'),
  since: [1, 8, 10, 11, 12, 22],
  summary: 'any dimensions; pads, auto_pad, ceil_mode, dilations; approximated by a polynomial',
  limits: 'no Indices output',
  category: 'pooling',
  inputs: [1, 1],
  attributes: { ...POOL_ATTRIBUTES, storage_order: { kind: 'int', default: 0 } },
  parameters: [],
  inferShapes: (view) => view.node.outputs.map(() => poolShape(view)),
  check: (view) =>
    view.hasOutput(1)
      ? [{ reason: 'the Indices output is not supported', suggestion: 'use upsampling without MaxUnpool' }]
      : [],
  behaviour: (view) => ({
    kind: 'max-pool',
    windows: () => {
      const { channels, inSize, taps } = poolWindows(view);
      return channelWindows(channels, inSize, taps);
    },
  }),
};
