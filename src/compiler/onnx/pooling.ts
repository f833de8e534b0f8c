/** What AveragePool and MaxPool share. */
import type { NodeView } from './node-view.ts';
import type { AttributeSpec } from './attribute-spec.ts';
import type { Taps, WindowAxis } from './windows.ts';
import { WINDOW_ATTRIBUTES, windowAxes, windowTaps } from './windows.ts';
import { sizeOf } from './shapes.ts';

export const POOL_ATTRIBUTES = {
  ...WINDOW_ATTRIBUTES,
  kernel_shape: { kind: 'ints', required: true },
  ceil_mode: { kind: 'int', default: 0, values: [0, 1] },
} as const satisfies Record<string, AttributeSpec>;

function poolAxes(view: NodeView): WindowAxis[] {
  const rank = view.shape(0).length;
  const kernel = view.numbers('kernel_shape')!;
  if (rank < 3 || kernel.length !== rank - 2 || kernel.some((size) => size < 1)) {
    view.fail(
      'INVALID_ATTRIBUTE',
      `kernel_shape [${kernel.join(', ')}] does not fit an input of rank ${rank}`,
    );
  }
  const axes = windowAxes(view, kernel, view.number('ceil_mode') === 1);
  for (const axis of axes) {
    const extent = (axis.kernel - 1) * axis.dilation + 1;
    if (Math.max(axis.padBegin, axis.padEnd) >= extent) {
      view.fail(
        'INVALID_ATTRIBUTE',
        `pads of ${Math.max(axis.padBegin, axis.padEnd)} leave a window of ${extent} empty`,
      );
    }
  }
  return axes;
}

export function poolShape(view: NodeView): number[] {
  const axes = poolAxes(view);
  return [...view.shape(0).slice(0, 2), ...axes.map((axis) => axis.output)];
}

/** Channels (batch included), elements per channel, and the taps of every output position. */
export function poolWindows(view: NodeView): { channels: number; inSize: number; taps: Taps[] } {
  const shape = view.shape(0);
  return {
    channels: shape[0]! * shape[1]!,
    inSize: sizeOf(shape.slice(2)),
    taps: windowTaps(poolAxes(view)),
  };
}
