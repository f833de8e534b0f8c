/** Sliding windows of Conv, ConvTranspose and pooling: static geometry in any number of spatial dimensions. */
import type { NodeView } from './node-view.ts';
import type { AttributeSpec } from './attribute-spec.ts';

/** One spatial axis: output o reads input positions o · stride − padBegin + k · dilation, k = 0 … kernel − 1. */
export interface WindowAxis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly padBegin: number;
  readonly padEnd: number;
}

export const WINDOW_ATTRIBUTES = {
  auto_pad: { kind: 'string', default: 'NOTSET', values: ['NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'] },
  dilations: { kind: 'ints' },
  pads: { kind: 'ints' },
  strides: { kind: 'ints' },
} as const satisfies Record<string, AttributeSpec>;

/** Larger kernels and pads are not meant seriously. */
const MAX_WINDOW = 2 ** 16;

/** A list attribute with one entry per spatial axis (or `per` entries), each at least `least`. */
export function spatialList(
  view: NodeView,
  name: string,
  length: number,
  fallback: number,
  least: number,
): number[] {
  const values = view.numbers(name);
  if (values === null) return new Array<number>(length).fill(fallback);
  if (values.length !== length) {
    view.fail('INVALID_ATTRIBUTE', `attribute ${name} must have ${length} entries, not ${values.length}`);
  }
  if (values.some((value) => value < least)) {
    view.fail('INVALID_ATTRIBUTE', `attribute ${name} must not go below ${least}`);
  }
  return [...values];
}

/** Geometry of a node with `kernel` (spatial) over input 0 of layout N × C × spatial. */
export function windowAxes(view: NodeView, kernel: readonly number[], ceilMode: boolean): WindowAxis[] {
  const spatial = view.shape(0).slice(2);
  const rank = spatial.length;
  const strides = spatialList(view, 'strides', rank, 1, 1);
  const dilations = spatialList(view, 'dilations', rank, 1, 1);
  const autoPad = view.string('auto_pad');
  const pads =
    autoPad === 'NOTSET' ? spatialList(view, 'pads', 2 * rank, 0, 0) : new Array<number>(2 * rank).fill(0);
  if ([...kernel, ...pads].some((size) => size > MAX_WINDOW)) {
    view.fail('INVALID_ATTRIBUTE', `kernels and pads may not exceed ${MAX_WINDOW}`);
  }
  return spatial.map((input, axis) => {
    const stride = strides[axis]!;
    const dilation = dilations[axis]!;
    const extent = (kernel[axis]! - 1) * dilation + 1;
    let padBegin = pads[axis]!;
    let padEnd = pads[axis + rank]!;
    let output: number;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') {
      output = Math.ceil(input / stride);
      const total = Math.max(0, (output - 1) * stride + extent - input);
      padBegin = autoPad === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
      padEnd = total - padBegin;
    } else {
      const steps = (input + padBegin + padEnd - extent) / stride;
      output = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
      // A window must not start in the end padding.
      if (ceilMode && (output - 1) * stride >= input + padBegin) output--;
    }
    if (output < 1)
      view.fail(
        'INVALID_SHAPE',
        `kernel extent ${extent} exceeds the padded input (${input}) on spatial axis ${axis}`,
      );
    return { input, output, kernel: kernel[axis]!, stride, dilation, padBegin, padEnd };
  });
}

/** Taps of the window of one output position that fall on the input, offsets ascending. */
export interface Taps {
  /** Flat offsets within one channel of the input. */
  readonly offsets: readonly number[];
  /** Flat kernel positions, parallel to `offsets`. */
  readonly kernels: readonly number[];
  /** Taps that fall on the input or on its declared padding. */
  readonly padded: number;
}

/** Taps along one axis at one output position: [input position, kernel position], ascending, and the padded count. */
export interface AxisTaps {
  readonly taps: readonly (readonly [number, number])[];
  readonly padded: number;
}

function axisTaps(axis: WindowAxis, out: number): AxisTaps {
  const start = out * axis.stride - axis.padBegin;
  const taps: [number, number][] = [];
  let padded = 0;
  for (let k = 0; k < axis.kernel; k++) {
    const position = start + k * axis.dilation;
    if (position >= 0 && position < axis.input) taps.push([position, k]);
    if (position < axis.input + axis.padEnd) padded++;
  }
  return { taps, padded };
}

/** The same for a transposed window: input i spreads to outputs i · stride − padBegin + k · dilation. */
function transposedAxisTaps(axis: WindowAxis, out: number): AxisTaps {
  const taps: [number, number][] = [];
  for (let k = axis.kernel - 1; k >= 0; k--) {
    const position = (out + axis.padBegin - k * axis.dilation) / axis.stride;
    if (Number.isInteger(position) && position >= 0 && position < axis.input) taps.push([position, k]);
  }
  return { taps, padded: taps.length };
}

/** Taps for every output position (row-major over the spatial output): the product of the axes' taps. */
export function windowTaps(axes: readonly WindowAxis[], transposed = false): Taps[] {
  const locate = transposed ? transposedAxisTaps : axisTaps;
  let partial: Taps[] = [{ offsets: [0], kernels: [0], padded: 1 }];
  for (const axis of axes) {
    const along = Array.from({ length: axis.output }, (_, out) => locate(axis, out));
    partial = partial.flatMap((outer) =>
      along.map((inner) => ({
        offsets: outer.offsets.flatMap((offset) =>
          inner.taps.map(([position]) => offset * axis.input + position),
        ),
        kernels: outer.kernels.flatMap((kernel) => inner.taps.map(([, k]) => kernel * axis.kernel + k)),
        padded: outer.padded * inner.padded,
      })),
    );
  }
  return partial;
}
