import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { POOL_ATTRIBUTES, poolShape, poolWindows } from '../pooling.ts';
import { channelWindows } from '../stencil.ts';

function linear(view: NodeView): LinearDefinition {
  const { channels, inSize, taps } = poolWindows(view);
  const countPadding = view.number('count_include_pad') === 1;
  const { rowStart, columns } = channelWindows(channels, inSize, taps);
  const values = new Float64Array(columns.length);
  for (let row = 0; row < rowStart.length - 1; row++) {
    const { offsets, padded } = taps[row % taps.length]!;
    values.fill(1 / (countPadding ? padded : offsets.length), rowStart[row], rowStart[row + 1]);
  }
  const matrix = { rows: rowStart.length - 1, cols: channels * inSize, rowStart, columns, values };
  return { terms: [{ input: 0, matrix }], bias: null };
}

export const averagePool: Operator = {
  name: 'AveragePool',
  specUrl: specUrl('AveragePool'),
  since: [1, 7, 10, 11, 19, 22],
  summary: 'any dimensions; pads, auto_pad, ceil_mode, count_include_pad, dilations',
  category: 'pooling',
  inputs: [1, 1],
  attributes: { ...POOL_ATTRIBUTES, count_include_pad: { kind: 'int', default: 0, values: [0, 1] } },
  parameters: [],
  inferShapes: (view) => [poolShape(view)],
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
};
