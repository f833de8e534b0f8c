import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { selection } from '../kernels.ts';
import { sameShape, sizeOf } from '../shapes.ts';

/** Per channel: y = factor · x + offset. */
export function batchNormAffine(view: NodeView): {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
} {
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => view.parameter(index).data) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const epsilon = view.number('epsilon');
  const factor = scale.map((value, c) => value / Math.sqrt(variance[c]! + epsilon));
  return { factor, offset: bias.map((value, c) => value - mean[c]! * factor[c]!) };
}

export const batchNormalization: Operator = {
  name: 'BatchNormalization',
  specUrl: specUrl('BatchNormalization'),
  since: [7, 9, 14, 15],
  summary: 'inference form, folded into the preceding layer where possible',
  limits: 'not in training mode; statistics must be constant',
  category: 'linear',
  inputs: [5, 5],
  attributes: {
    epsilon: { kind: 'float', default: 1e-5 },
    momentum: { kind: 'float', default: 0.9 },
    training_mode: { kind: 'int', default: 0 },
  },
  parameters: [1, 2, 3, 4],
  upgrade: (node) => {
    // spatial = 0 (versions 7 and 8) keeps statistics per element, which their shape shows.
    node.take('spatial');
  },
  inferShapes: (view) => {
    const channels = view.shape(0)[1] ?? 1;
    for (const index of [1, 2, 3, 4]) {
      if (!sameShape(view.shape(index), [channels])) {
        view.fail('INVALID_SHAPE', `input ${index} must have ${channels} entries, one per channel`);
      }
    }
    return view.node.outputs.map((_, index) => (index === 0 ? view.shape(0) : [channels]));
  },
  check: (view) =>
    view.number('training_mode') !== 0 || [1, 2, 3, 4].some((index) => view.hasOutput(index))
      ? [
          {
            reason:
              'in training mode it normalises by the statistics of the batch at hand, so that results would depend on what ' +
              'else is encrypted, at the depth of an inverse root; inference has constant statistics, at none',
            suggestion: 'export the model for inference (model.eval())',
          },
        ]
      : [],
  behaviour: (view) => ({
    kind: 'linear',
    perElement: 1,
    linear: () => {
      const { factor, offset } = batchNormAffine(view);
      const shape = view.shape(0);
      const inner = sizeOf(shape.slice(2));
      const channel = (element: number): number => Math.floor(element / inner) % factor.length;
      const elements = Int32Array.from({ length: sizeOf(shape) }, (_, element) => element);
      const weights = Float64Array.from(elements, (element) => factor[channel(element)]!);
      const bias = Float64Array.from(elements, (element) => offset[channel(element)]!);
      return { terms: [{ input: 0, matrix: selection(elements, elements.length, weights) }], bias };
    },
  }),
};
