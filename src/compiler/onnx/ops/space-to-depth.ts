import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { sizeOf } from '../shapes.ts';

export const spaceToDepth: Operator = {
  name: 'SpaceToDepth',
  specUrl: specUrl('SpaceToDepth'),
  since: [1, 13],
  summary: 'moves blocks of space to channels',
  category: 'linear',
  inputs: [1, 1],
  attributes: { blocksize: { kind: 'int', required: true } },
  parameters: [],
  inferShapes: (view) => {
    const block = view.number('blocksize');
    if (view.shape(0).length !== 4) view.fail('INVALID_SHAPE', 'the input must have 4 dimensions');
    const [n, c, h, w] = view.shape(0) as [number, number, number, number];
    if (block < 1 || h % block !== 0 || w % block !== 0) {
      view.fail('INVALID_SHAPE', `${h}×${w} does not divide into blocks of ${block}×${block}`);
    }
    return [[n, c * block * block, h / block, w / block]];
  },
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const block = view.number('blocksize');
      const [, channels, height, width] = view.shape(0) as [number, number, number, number];
      const [, outChannels, outHeight, outWidth] = view.outputShape(0) as [number, number, number, number];
      const sources = Int32Array.from({ length: sizeOf(view.outputShape(0)) }, (_, element) => {
        const x = element % outWidth;
        const y = Math.floor(element / outWidth) % outHeight;
        const channel = Math.floor(element / (outWidth * outHeight)) % outChannels;
        const n = Math.floor(element / (outWidth * outHeight * outChannels));
        const phase = Math.floor(channel / channels);
        const row = y * block + Math.floor(phase / block);
        return ((n * channels + (channel % channels)) * height + row) * width + x * block + (phase % block);
      });
      return { data: [0], sources, fill: 0 };
    },
  }),
};
