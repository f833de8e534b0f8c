/** Windows of a pooling operator as shifted slices of its padded input, axis by axis. */
import type { Shape } from '../../ir/tensor-graph.ts';
import type { FragmentBuilder } from './graph-fragment.ts';

/** Sliding-window geometry along one spatial axis. */
export interface PoolAxis {
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly input: number;
  readonly padBegin: number;
}

/** The input with room for windows that reach over its border, filled with `fill`. */
export function padded(
  builder: FragmentBuilder,
  input: string,
  axes: readonly PoolAxis[],
  fill: number,
): string {
  const ends = axes.map((axis) =>
    Math.max(
      0,
      (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1 - axis.padBegin - axis.input,
    ),
  );
  if (axes.every((axis, a) => axis.padBegin === 0 && ends[a] === 0)) return input;
  const pads = [0, 0, ...axes.map((axis) => axis.padBegin), 0, 0, ...ends];
  const shape = builder
    .shapeOf(input)
    .map((size, i) => (i < 2 ? size : size + axes[i - 2]!.padBegin + ends[i - 2]!));
  const amounts = builder.constant('pads', pads, [pads.length], 'int');
  return builder.node('Pad', [input, amounts, builder.constant('fill', [fill], [])], shape, {
    mode: 'constant',
  });
}

/** Positions k · dilation + o · stride, o = 0 … output − 1, along an axis. */
export function tap(
  builder: FragmentBuilder,
  input: string,
  axis: number,
  pool: PoolAxis,
  k: number,
  shape: Shape,
): string {
  const start = k * pool.dilation;
  const end = start + (pool.output - 1) * pool.stride + 1;
  const parameters = [start, end, axis, pool.stride].map((value, i) =>
    builder.constant(['start', 'end', 'axis', 'step'][i]!, [value], [1], 'int'),
  );
  return builder.node('Slice', [input, ...parameters], shape);
}
