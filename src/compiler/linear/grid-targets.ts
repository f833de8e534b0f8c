/** Targets for tensors with spatial axes, derived from the lattice of a source, and the frames of encrypted inputs. */
import type { Shape } from '../ir/tensor-graph.ts';
import type { TargetContext } from './dense-targets.ts';
import { makeFrame, type Frame } from './frame.ts';
import {
  blocksOf,
  describeGrid,
  fitsLattice,
  gridPositions,
  latticeOf,
  plainOrder,
  spatialOf,
  type ChannelOrder,
  type Grid,
  nextPowerOfTwo,
} from './grid.ts';
import { makeTarget, type Target } from './target.ts';

/** What the network needs of the lattice on which an input stands, per spatial axis. */
export interface LatticeNeeds {
  /** Lattice points that the widest tensor derived from the input takes up. */
  readonly room: readonly number[];
  /** Gap without which a later upsampling would find no points between its inputs. */
  readonly gaps: readonly number[];
  /** Common stride of the first maps: elements may be dealt out to as many lattices for free. */
  readonly split: readonly number[];
}

/** Row-major lattices for a tensor: as tight as possible and with power-of-two rows, each with and without room. */
export function naturalGrids(shape: Shape, needs: LatticeNeeds): Grid[] {
  const spatial = spatialOf(shape);
  const ones = spatial.map(() => 1);
  const variants = [
    { gaps: needs.gaps, split: ones },
    { gaps: ones, split: ones },
    { gaps: ones, split: needs.split },
  ];
  const grids = new Map<string, Grid>();
  for (const { gaps, split } of variants) {
    const tight = spatial.map((extent, axis) => Math.ceil((extent * gaps[axis]!) / split[axis]!));
    const roomy = tight.map((extent, axis) => Math.max(extent, Math.ceil(needs.room[axis]! / split[axis]!)));
    for (const widths of [tight, tight.map(nextPowerOfTwo), roomy, roomy.map(nextPowerOfTwo)]) {
      const grid = latticeOf(widths, gaps, split);
      grids.set(JSON.stringify(grid), grid);
    }
  }
  return [...grids.values()];
}

/** The tensor on a lattice, channel after channel, repeated as often as it fits; null if it does not fit the lattice. */
export function gridFrame(shape: Shape, grid: Grid, slotCount: number): Frame | null {
  return frameOn(shape, grid, plainOrder(grid), slotCount, null)?.frame ?? null;
}

/** Every way to deal the channels out to phases and blocks of the lattice, with and without summing over blocks. */
export function gridTargets(shape: Shape, grid: Grid, context: TargetContext): Target[] {
  const targets: Target[] = [];
  for (const order of channelOrders(shape, grid, context)) {
    const target = frameOn(shape, grid, order, context.slotCount, context);
    if (target !== null) targets.push(target);
  }
  return targets;
}

function* channelOrders(shape: Shape, grid: Grid, context: TargetContext): Generator<ChannelOrder> {
  const none = grid.gaps.map(() => 1);
  const lastOnly = none.map((one, axis) => (axis === none.length - 1 ? grid.gaps[axis]! : one));
  const seen = new Set<string>();
  for (const phases of [grid.gaps, none, lastOnly]) {
    if (seen.has(phases.join())) continue;
    seen.add(phases.join());
    const interleaved = phases.some((count) => count > 1);
    for (const phaseFirst of interleaved ? [true, false] : [true]) {
      const blocks = blocksOf(shape, grid, { phases, phaseFirst, group: 1, spread: 1 });
      const widest = nextPowerOfTwo(blocks);
      yield { phases, phaseFirst, group: widest, spread: 1 };
      for (let group = widest; group >= 1; group /= 2) {
        for (let spread = 2; group * spread * grid.block <= context.sourcePeriod; spread *= 2) {
          yield { phases, phaseFirst, group, spread };
        }
      }
    }
  }
}

function frameOn(
  shape: Shape,
  grid: Grid,
  order: ChannelOrder,
  slotCount: number,
  context: TargetContext | null,
): Target | null {
  if (!fitsLattice(shape, grid, order)) return null;
  const { group, spread } = order;
  const groups = Math.ceil(blocksOf(shape, grid, order) / group);
  // The last group need not be complete where no window reaches beyond it.
  const blocks = spread === 1 ? blocksOf(shape, grid, order) : groups * group * spread;
  const span = blocks * grid.block;
  if (spread > 1 && span > slotCount) return null;
  const fill = Math.min(slotCount, Math.max(nextPowerOfTwo(span), context?.sourcePeriod ?? 1));
  const stride = group * grid.block;
  const cyclic = spread > 1 && groups === 1 && stride * spread === fill;
  const junk = spread > 1 && !cyclic;
  if (junk && context?.clean === true) return null;
  const format = `grid(${describeGrid(grid, order)}${cyclic ? ', cyclic' : ''})`;
  const positions = gridPositions(shape, grid, order);
  const frame = makeFrame(shape, slotCount, cyclic ? stride : fill, positions, { grid, junk, format });
  if (frame === null) return null;
  return spread === 1 ? makeTarget(frame, fill) : makeTarget(frame, fill, stride, spread);
}
