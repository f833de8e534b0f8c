/** Matrices of Conv, ConvTranspose and pooling, written straight into compressed rows. */
import type { SparseMatrix } from '../linear/sparse-matrix.ts';
import type { Windows } from './operator.ts';
import type { Taps } from './windows.ts';

export interface Stencil {
  readonly batch: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
  /** Elements of one input channel. */
  readonly inSize: number;
  /** One entry per output position. */
  readonly taps: readonly Taps[];
  /** Index into the weights for (output channel, input channel within its group), kernel position 0. */
  readonly weightBase: (out: number, inGroup: number) => number;
  readonly weights: Float64Array;
}

/** Rows: batch × output channels × output positions. Zero weights are left out. */
export function stencilMatrix(stencil: Stencil): SparseMatrix {
  const { batch, inChannels, outChannels, groups, inSize, taps, weights } = stencil;
  const inPerGroup = inChannels / groups;
  const outPerGroup = outChannels / groups;
  const tapCount = taps.reduce((sum, tap) => sum + tap.offsets.length, 0);
  const capacity = batch * outChannels * inPerGroup * tapCount;
  const rows = batch * outChannels * taps.length;
  const rowStart = new Int32Array(rows + 1);
  const columns = new Int32Array(capacity);
  const values = new Float64Array(capacity);
  let count = 0;
  let row = 0;
  for (let n = 0; n < batch; n++) {
    for (let out = 0; out < outChannels; out++) {
      const firstIn = n * inChannels + Math.floor(out / outPerGroup) * inPerGroup;
      for (const { offsets, kernels } of taps) {
        for (let inGroup = 0; inGroup < inPerGroup; inGroup++) {
          const base = stencil.weightBase(out, inGroup);
          const channelStart = (firstIn + inGroup) * inSize;
          for (let t = 0; t < offsets.length; t++) {
            const weight = weights[base + kernels[t]!]!;
            if (weight === 0) continue;
            columns[count] = channelStart + offsets[t]!;
            values[count++] = weight;
          }
        }
        rowStart[++row] = count;
      }
    }
  }
  const cols = batch * inChannels * inSize;
  return { rows, cols, rowStart, columns: columns.subarray(0, count), values: values.subarray(0, count) };
}

/** The windows of every channel of a pooling operator. */
export function channelWindows(channels: number, inSize: number, taps: readonly Taps[]): Windows {
  const tapCount = taps.reduce((sum, tap) => sum + tap.offsets.length, 0);
  const rowStart = new Int32Array(channels * taps.length + 1);
  const columns = new Int32Array(channels * tapCount);
  let count = 0;
  let row = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (const { offsets } of taps) {
      for (const offset of offsets) columns[count++] = channel * inSize + offset;
      rowStart[++row] = count;
    }
  }
  return { rowStart, columns };
}

/** One value per channel, repeated for every position of every batch entry. */
export function channelBias(bias: Float64Array, batch: number, positions: number): Float64Array {
  const result = new Float64Array(batch * bias.length * positions);
  for (let row = 0; row < batch * bias.length; row++) {
    result.fill(bias[row % bias.length]!, row * positions, (row + 1) * positions);
  }
  return result;
}
