import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

function blockOf(view: NodeView): number {
  const block = view.number('blocksize');
  if (block < 1) view.fail('INVALID_ATTRIBUTE', 'blocksize must be positive');
  if (view.shape(0).length !== 4) view.fail('INVALID_SHAPE', 'the input must have 4 dimensions');
  return block;
}

export const depthToSpace: Operator = {
  name: 'DepthToSpace',
  specUrl: specUrl('DepthToSpace'),
  since: [1, 11, 13],
  summary: 'moves blocks of channels to space (pixel shuffle), modes DCR and CRD',
  category: 'linear',
  inputs: [1, 1],
  attributes: {
    blocksize: { kind: 'int', required: true },
    mode: { kind: 'string', default: 'DCR', values: ['DCR', 'CRD'] },
  },
  parameters: [],
  inferShapes: (view) => {
    const block = blockOf(view);
    const [n, c, h, w] = view.shape(0) as [number, number, number, number];
    if (c % (block * block) !== 0)
      view.fail('INVALID_SHAPE', `${c} channels do not make blocks of ${block}×${block}`);
    return [[n, c / (block * block), h * block, w * block]];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const block = blockOf(view);
      const columnRow = view.string('mode') === 'CRD';
      const [, channels, height, width] = view.shape(0) as [number, number, number, number];
      const [, outChannels, outHeight, outWidth] = view.outputShape(0) as [number, number, number, number];
      const sources = Int32Array.from({ length: sizeOf(view.outputShape(0)) }, (_, element) => {
        const x = element % outWidth;
        const y = Math.floor(element / outWidth) % outHeight;
        const c = Math.floor(element / (outWidth * outHeight)) % outChannels;
        const n = Math.floor(element / (outWidth * outHeight * outChannels));
        const phase = (y % block) * block + (x % block);
        const channel = columnRow ? c * block * block + phase : phase * outChannels + c;
        return ((n * channels + channel) * height + Math.floor(y / block)) * width + Math.floor(x / block);
      });
      return { data: [0], sources, fill: 0 };
    },
  }),
};
