/**
 * Targets without spatial structure. Row r stands at (r mod group) + ⌊r / group⌋ · group · spread and is summed over
 * `spread` slots of stride `group`: one group is the hybrid method, groups of one row are the row-major product, and
 * everything between trades diagonals against rotate-and-adds.
 */
import type { Shape } from '../ir/tensor-graph.ts';
import { elementCount } from '../../program/layout.ts';
import { makeFrame, type Frame } from './frame.ts';
import { nextPowerOfTwo } from './grid.ts';
import { makeTarget, type Target } from './target.ts';

export interface TargetContext {
  readonly slotCount: number;
  /** Largest period among the sources: z cannot repeat more often. */
  readonly sourcePeriod: number;
  /** Only layouts without partial sums between the elements. */
  readonly clean: boolean;
}

/** Elements one after another, repeated as often as they fit. */
export function denseFrame(shape: Shape, slotCount: number): Frame {
  const size = elementCount(shape);
  const positions = Int32Array.from({ length: size }, (_, e) => e);
  const period = Math.min(slotCount, nextPowerOfTwo(size));
  return makeFrame(shape, slotCount, period, positions, { grid: null, junk: false, format: 'dense' })!;
}

export function denseTargets(shape: Shape, context: TargetContext): Target[] {
  const { slotCount } = context;
  const rows = elementCount(shape);
  const widest = Math.min(slotCount, nextPowerOfTwo(rows));
  const targets: Target[] = [];
  for (let group = widest; group >= 1; group /= 2) {
    for (let spread = group === widest ? 1 : 2; group * spread <= slotCount; spread *= 2) {
      const target = denseTarget(shape, rows, group, spread, context);
      if (target !== null) targets.push(target);
    }
  }
  return targets;
}

function denseTarget(
  shape: Shape,
  rows: number,
  group: number,
  spread: number,
  context: TargetContext,
): Target | null {
  const { slotCount, sourcePeriod, clean } = context;
  const groups = Math.ceil(rows / group);
  const span = groups * group * spread;
  if (span > slotCount && spread > 1) return null;
  const fill = Math.min(slotCount, Math.max(nextPowerOfTwo(span), sourcePeriod));
  const cyclic = spread > 1 && groups === 1 && group * spread === fill;
  const junk = spread > 1 && !cyclic;
  if (junk && clean) return null;
  const positions = Int32Array.from(
    { length: rows },
    (_, r) => (r % group) + Math.floor(r / group) * group * spread,
  );
  const format = spread === 1 ? 'dense' : `rows of ${group}, spread ${spread}${cyclic ? ', cyclic' : ''}`;
  const frame = makeFrame(shape, slotCount, cyclic ? group : fill, positions, { grid: null, junk, format });
  return frame === null ? null : makeTarget(frame, fill, group, spread);
}
