import { ElementType } from '../../../onnx/proto.ts';
import { reshaping } from '../reshaping.ts';

/** What a tensor of each type is cast to; encrypted ones are real numbers. */
const ELEMENTS = { float: ElementType.FLOAT, int: ElementType.INT64, bool: ElementType.BOOL } as const;

export const castLike = reshaping({
  name: 'CastLike',
  since: [15, 19, 21, 23, 24, 25],
  summary: 'to the element type of another tensor; encrypted values stay real numbers',
  inputs: [2, 2],
  attributes: { saturate: { kind: 'int', default: 1 } },
  parameters: [],
  upgrade: (node) => {
    node.become('Cast', [node.inputs[0]!], { to: ELEMENTS[node.constant(1)?.type ?? 'float'] });
  },
  inferShapes: (view) => [view.shape(0)],
});
