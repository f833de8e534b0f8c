/**
 * Grid frames for tensors [N, C, spatial…] of any spatial rank: multiplexed packing (Lee et al. 2022; Orion, arXiv
 * 2311.03470). Every channel lives on a lattice of `block` slots. A strided map leaves a gap between its outputs, and
 * further channels fill the phases of that gap, so that a strided output is packed without a masking level.
 */
import type { Shape } from '../ir/tensor-graph.ts';

export function nextPowerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

export interface Grid {
  /** Slots between lattice neighbours, per spatial axis, outermost first. */
  readonly steps: readonly number[];
  /** Lattice points from one element to the next, per axis. */
  readonly gaps: readonly number[];
  /** Per axis: elements are dealt out to this many lattices in turn (what a strided map likes to read). */
  readonly split: readonly number[];
  /** Slots of one lattice, a power of two. */
  readonly block: number;
}

/** How channels are dealt out to phases and blocks. */
export interface ChannelOrder {
  /** Phases used per axis, a divisor of the gap. */
  readonly phases: readonly number[];
  /** Consecutive channels share a block (else: a phase). */
  readonly phaseFirst: boolean;
  /** Blocks go `group` next to each other, and every group takes up `group · spread` blocks. */
  readonly group: number;
  readonly spread: number;
}

const product = (values: readonly number[]): number => values.reduce((a, b) => a * b, 1);

export function spatialOf(shape: Shape): readonly number[] {
  return shape.slice(2);
}

/** N · C: batch entries are treated as further channels. */
export function channelsOf(shape: Shape): number {
  return (shape[0] ?? 1) * (shape[1] ?? 1);
}

/** A lattice of the extents given, rows innermost-contiguous; `widths` may leave room at the end of each axis. */
export function latticeOf(
  widths: readonly number[],
  gaps: readonly number[],
  split: readonly number[],
): Grid {
  const steps = widths.map(() => 1);
  for (let axis = widths.length - 2; axis >= 0; axis--) steps[axis] = steps[axis + 1]! * widths[axis + 1]!;
  return {
    steps,
    gaps,
    split,
    block: nextPowerOfTwo((steps[0] ?? 1) * (widths[0] ?? 1)),
  };
}

/**
 * The lattice on which a map of the strides given leaves its output, or null if it would need points between lattice
 * points.
 */
export function gridAfter(grid: Grid, strides: readonly number[]): Grid | null {
  const gaps = grid.gaps.map((gap, axis) => (gap * strides[axis]!) / grid.split[axis]!);
  if (gaps.some((gap) => !Number.isInteger(gap) || gap < 1)) return null;
  return { ...grid, gaps, split: gaps.map(() => 1) };
}

export function plainOrder(grid: Grid): ChannelOrder {
  return { phases: grid.gaps.map(() => 1), phaseFirst: true, group: 1, spread: 1 };
}

/** Blocks that the channels take up, before grouping. */
export function blocksOf(shape: Shape, grid: Grid, order: ChannelOrder): number {
  return Math.ceil(channelsOf(shape) / product(order.phases)) * product(grid.split);
}

/** Global slot of every element, row-major; entries may collide if the tensor outgrows the lattice. */
export function gridPositions(shape: Shape, grid: Grid, order: ChannelOrder): Int32Array {
  const spatial = spatialOf(shape);
  const volume = product(spatial);
  const channels = channelsOf(shape);
  const phaseCount = product(order.phases);
  const splitCount = product(grid.split);
  const channelBlocks = Math.ceil(channels / phaseCount);
  const positions = new Int32Array(channels * volume);
  const blockStart = (index: number): number =>
    ((index % order.group) + Math.floor(index / order.group) * order.group * order.spread) * grid.block;

  const inner = new Int32Array(volume);
  const lattice = new Int32Array(volume);
  for (let e = 0; e < volume; e++) {
    let rest = e;
    let weight = 1;
    for (let axis = spatial.length - 1; axis >= 0; axis--) {
      const x = rest % spatial[axis]!;
      rest = Math.floor(rest / spatial[axis]!);
      const split = grid.split[axis]!;
      inner[e]! += Math.floor(x / split) * grid.gaps[axis]! * grid.steps[axis]!;
      lattice[e]! += (x % split) * weight;
      weight *= split;
    }
  }
  for (let c = 0; c < channels; c++) {
    const phase = order.phaseFirst ? c % phaseCount : Math.floor(c / channelBlocks);
    const block = order.phaseFirst ? Math.floor(c / phaseCount) : c % channelBlocks;
    const offset = phaseOffset(phase, grid, order);
    for (let e = 0; e < volume; e++) {
      positions[c * volume + e] = blockStart(block * splitCount + lattice[e]!) + inner[e]! + offset;
    }
  }
  return positions;
}

function phaseOffset(phase: number, grid: Grid, order: ChannelOrder): number {
  let offset = 0;
  let rest = phase;
  for (let axis = order.phases.length - 1; axis >= 0; axis--) {
    const count = order.phases[axis]!;
    offset += (rest % count) * (grid.gaps[axis]! / count) * grid.steps[axis]!;
    rest = Math.floor(rest / count);
  }
  return offset;
}

/** Whether the last element along every axis, phases included, stays within its lattice row and block. */
export function fitsLattice(shape: Shape, grid: Grid, order: ChannelOrder): boolean {
  let end = 0;
  const spatial = spatialOf(shape);
  for (let axis = 0; axis < spatial.length; axis++) {
    const last = Math.floor((spatial[axis]! - 1) / grid.split[axis]!) * grid.gaps[axis]!;
    const count = order.phases[axis]!;
    const reach = last + (count - 1) * (grid.gaps[axis]! / count);
    if (axis > 0 && (reach + 1) * grid.steps[axis]! > grid.steps[axis - 1]!) return false;
    end += reach * grid.steps[axis]!;
  }
  return end < grid.block;
}

export function describeGrid(grid: Grid, order: ChannelOrder): string {
  const names = ['w', 'h', 'd'];
  const axes = grid.steps.map((step, axis) => {
    const name = names[grid.steps.length - 1 - axis] ?? `x${axis}`;
    const total = step * grid.gaps[axis]!;
    const split = grid.split[axis]!;
    return `${split > 1 ? `⌊${name}/${split}⌋` : name}${total > 1 ? `·${total}` : ''}`;
  });
  const parts = [axes.join('+'), `block ${grid.block}`];
  if (product(grid.split) > 1) parts.push(`split ${grid.split.join('×')}`);
  if (product(order.phases) > 1)
    parts.push(`phases ${order.phases.join('×')} ${order.phaseFirst ? 'first' : 'last'}`);
  if (order.spread > 1) parts.push(`group ${order.group}, spread ${order.spread}`);
  return parts.join(', ');
}
