import type { NodeView } from '../node-view.ts';
import type { Operator } from '../operator.ts';
import { specUrl } from '../operator.ts';
import { stridedIndices, stridesOf } from '../shapes.ts';

interface Range {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** The range taken from every axis. */
function ranges(view: NodeView): Range[] {
  const shape = view.shape(0);
  const starts = view.integers(1)!;
  const ends = view.integers(2)!;
  const axes = view.axes(view.integers(3) ?? starts.map((_, axis) => axis), shape.length);
  const steps = view.integers(4) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    view.fail('INVALID_PARAMETER', 'starts, ends, axes and steps must have the same length');
  }
  const result: Range[] = shape.map((dim) => ({ start: 0, step: 1, count: dim }));
  for (const [k, axis] of axes.entries()) {
    const dim = shape[axis]!;
    const step = steps[k]!;
    if (step === 0) view.fail('INVALID_PARAMETER', 'a step of zero');
    const from = starts[k]! < 0 ? starts[k]! + dim : starts[k]!;
    const to = ends[k]! < 0 ? ends[k]! + dim : ends[k]!;
    const start = step > 0 ? clamp(from, 0, dim) : clamp(from, 0, dim - 1);
    const end = step > 0 ? clamp(to, 0, dim) : clamp(to, -1, dim - 1);
    result[axis] = { start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  }
  return result;
}

export const slice: Operator = {
  name: 'Slice',
  specUrl: specUrl('Slice'),
  since: [1, 10, 11, 13],
  summary: 'any range and step (negative too)',
  limits: 'starts, ends, axes and steps must be constant',
  category: 'linear',
  inputs: [3, 5],
  attributes: {},
  parameters: [1, 2, 3, 4],
  upgrade: (node) => {
    if (node.opset >= 10) return;
    node.integersToInput('starts', 1);
    node.integersToInput('ends', 2);
    node.integersToInput('axes', 3);
  },
  inferShapes: (view) => [ranges(view).map((range) => range.count)],
  behaviour: (view) => ({
    kind: 'movement',
    movement: () => {
      const strides = stridesOf(view.shape(0));
      const taken = ranges(view);
      const start = taken.reduce((sum, range, axis) => sum + range.start * strides[axis]!, 0);
      const sources = stridedIndices(
        view.outputShape(0),
        taken.map((range, axis) => range.step * strides[axis]!),
        start,
      );
      return { data: [0], sources, fill: 0 };
    },
  }),
  keepsBatch: (view) => {
    const axes = view.integers(3) ?? view.integers(1)!.map((_, axis) => axis);
    return !view.axes(axes, view.shape(0).length).includes(0);
  },
};
