import { SparseMatrixBuilder } from '../../linear/sparse-matrix.ts';
import type { NodeView } from '../node-view.ts';
import type { LinearDefinition, Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import type { SamplingMode, SamplingPadding } from '../sampling.ts';
import { denormalise, samplingWeights } from '../sampling.ts';
import { sizeOf } from '../shapes.ts';

function linear(view: NodeView): LinearDefinition {
  const shape = view.shape(0);
  const spatial = shape.slice(2);
  const [batch, channels] = shape as [number, number];
  const grid = view.parameter(1).data;
  const mode = view.string('mode') as SamplingMode;
  const padding = view.string('padding_mode') as SamplingPadding;
  const align = view.number('align_corners') === 1;
  const points = sizeOf(view.outputShape(0).slice(2));
  const size = sizeOf(spatial);
  const builder = new SparseMatrixBuilder(batch * channels * points, sizeOf(shape));
  for (let sample = 0; sample < batch; sample++) {
    const taps = Array.from({ length: points }, (_, point) => {
      let partial: (readonly [number, number])[] = [[0, 1]];
      for (const [axis, dim] of spatial.entries()) {
        // The last coordinate belongs to the innermost axis first: x, y, z.
        const at = (sample * points + point) * spatial.length + spatial.length - 1 - axis;
        const weights = samplingWeights(denormalise(grid[at]!, dim, align), dim, mode, padding, align);
        partial = partial.flatMap(([offset, factor]) =>
          weights.map(([tap, weight]) => [offset * dim + tap, factor * weight] as const),
        );
      }
      return partial;
    });
    for (let channel = 0; channel < channels; channel++) {
      const start = (sample * channels + channel) * size;
      for (const point of taps) {
        for (const [offset, weight] of point) builder.add(start + offset, weight);
        builder.endRow();
      }
    }
  }
  return { terms: [{ input: 0, matrix: builder.build() }], bias: null };
}

export const gridSample: Operator = {
  name: 'GridSample',
  specUrl: specUrl('GridSample'),
  since: [16, 20, 22],
  summary: 'interpolates at given points: nearest, linear, cubic; zeros, border or reflection outside',
  limits: 'the grid must be constant',
  category: 'linear',
  inputs: [2, 2],
  attributes: {
    align_corners: { kind: 'int', default: 0, values: [0, 1] },
    mode: { kind: 'string', default: 'linear', values: ['nearest', 'linear', 'cubic'] },
    padding_mode: { kind: 'string', default: 'zeros', values: ['zeros', 'border', 'reflection'] },
  },
  parameters: [1],
  upgrade: (node) => {
    const names = new Map([
      ['bilinear', 'linear'],
      ['bicubic', 'cubic'],
    ]);
    const mode = node.attributes.get('mode');
    if (typeof mode === 'string') node.attributes.set('mode', names.get(mode) ?? mode);
  },
  inferShapes: (view) => {
    const [shape, grid] = [view.shape(0), view.shape(1)];
    const rank = shape.length - 2;
    if (rank < 1 || grid.length !== shape.length || grid[0] !== shape[0] || grid.at(-1) !== rank)
      view.fail('INVALID_SHAPE', `a grid [${grid.join(', ')}] does not fit [${shape.join(', ')}]`);
    return [[...shape.slice(0, 2), ...grid.slice(1, -1)]];
  },
  behaviour: (view) => ({ kind: 'linear', linear: () => linear(view) }),
  // The grid has a part for every sample.
  keepsBatch: () => false,
};
