/** The targets that a linear node is offered, given where its sources stand. */
import { elementCount } from '../../program/layout.ts';
import type { Shape } from '../ir/tensor-graph.ts';
import { denseTargets, type TargetContext } from './dense-targets.ts';
import { makeFrame, type Frame, type Placement } from './frame.ts';
import { gridTargets, naturalGrids } from './grid-targets.ts';
import { channelsOf, gridAfter, spatialOf, type Grid } from './grid.ts';
import type { LinearProblem } from './linear-problem.ts';
import type { Pattern } from './pattern.ts';
import { makeTarget, windowsDisjoint, type Target } from './target.ts';

/** Rows with more entries than this have no source element to stand by. */
const ALIGNED_ENTRIES = 64;

/** Remembers the targets of one map between the same frames: states of a search, and graphs, have many in common. */
export class TargetChoices {
  readonly #known = new Map<string, readonly Target[]>();

  /** See `targetsFor`. */
  of(
    problem: LinearProblem,
    sources: readonly Placement[],
    slotCount: number,
    clean: boolean,
  ): readonly Target[] {
    const terms = problem.terms.map(
      ({ pattern, strides }, i) => `${pattern.key}/${strides?.join() ?? ''}/${sources[i]!.frame.key}`,
    );
    const key = `${problem.node.shape.join('x')} ${slotCount} ${clean} ${terms.join(' + ')}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, (known = targetsFor(problem, sources, slotCount, clean)));
    }
    return known;
  }
}

/** All targets for a free choice, most natural first, without repetition. */
export function targetsFor(
  problem: LinearProblem,
  sources: readonly Placement[],
  slotCount: number,
  clean: boolean,
): Target[] {
  const { shape } = problem.node;
  const sourcePeriod = Math.max(...sources.map(({ frame }) => frame.layout.period));
  const context: TargetContext = { slotCount, sourcePeriod, clean };
  const spatial = elementCount(spatialOf(shape)) > 1;
  const targets = spatial ? spatialTargets(problem, sources, context) : [];
  const first = problem.terms[0]!.pattern;
  if (
    targets.length === 0 &&
    problem.terms.length === 1 &&
    first.matrix.columns.length <= ALIGNED_ENTRIES * first.matrix.rows
  ) {
    const aligned = alignedTarget(shape, first, sources[0]!.frame);
    if (aligned !== null) targets.push(aligned);
  }
  if (!spatial) targets.push(...denseTargets(shape, context));
  if (targets.length === 0) targets.push(...freshTargets(shape, context));
  const distinct = new Map(targets.map((target) => [target.key, target]));
  return [...distinct.values()].filter((target) => target.count === 1 || windowsDisjoint(target));
}

/** Targets on the lattices that the sources leave; if there is none, on new ones. */
function spatialTargets(
  problem: LinearProblem,
  sources: readonly Placement[],
  context: TargetContext,
): Target[] {
  const { shape } = problem.node;
  const grids = new Map<string, Grid>();
  const inherited: Target[] = [];
  problem.terms.forEach(({ strides }, index) => {
    const { frame } = sources[index]!;
    const after = frame.grid === null || strides === null ? null : gridAfter(frame.grid, strides);
    if (after === null) return;
    grids.set(JSON.stringify(after), after);
    const target = inheritedTarget(shape, frame, after, strides!);
    if (target !== null && target.fill >= context.sourcePeriod) inherited.push(target);
  });
  return [...inherited, ...[...grids.values()].flatMap((grid) => gridTargets(shape, grid, context))];
}

/**
 * Every channel stays where the source has it, every stride-th position: what pooling, depthwise convolutions and
 * residual sums want, however the channels were dealt out before.
 */
function inheritedTarget(shape: Shape, source: Frame, grid: Grid, strides: readonly number[]): Target | null {
  const from = source.layout.shape;
  const extents = spatialOf(shape);
  const available = spatialOf(from);
  if (channelsOf(shape) > channelsOf(from)) return null;
  if (!strides.every((s, axis) => Number.isInteger(s) && (extents[axis]! - 1) * s < available[axis]!))
    return null;
  if (shape.join() === from.join()) return makeTarget({ ...source, junk: false }, source.layout.period);
  const volume = elementCount(extents);
  const positions = new Int32Array(elementCount(shape));
  for (let e = 0; e < positions.length; e++) {
    let rest = e % volume;
    let weight = 1;
    let element = 0;
    for (let axis = extents.length - 1; axis >= 0; axis--) {
      element += (rest % extents[axis]!) * strides[axis]! * weight;
      rest = Math.floor(rest / extents[axis]!);
      weight *= available[axis]!;
    }
    positions[e] = source.layout.positions[Math.floor(e / volume) * weight + element]!;
  }
  return alongTarget(shape, source, positions, grid, `every ${strides.join('×')}`);
}

function alongTarget(
  shape: Shape,
  { layout, key }: Frame,
  positions: Int32Array,
  grid: Grid | null,
  how: string,
): Target | null {
  const frame = makeFrame(shape, layout.slotCount, layout.period, positions, {
    grid,
    junk: false,
    format: `along ${layout.format.replace(/^along |, copies \d+$/g, '')}`,
    key: `${shape.join('x')}:${how} of ${key}`,
  });
  return frame === null ? null : makeTarget(frame, layout.period);
}

function freshTargets(shape: Shape, context: TargetContext): Target[] {
  const spatial = spatialOf(shape);
  const ones = spatial.map(() => 1);
  const grids = naturalGrids(shape, { room: spatial, gaps: ones, split: ones });
  return [...grids.flatMap((grid) => gridTargets(shape, grid, context)), ...denseTargets(shape, context)];
}

/**
 * Every row stands where (the middle one of) its source elements stand, if these are distinct: what slices and
 * element-wise maps want, whatever the tensor's rank.
 */
function alignedTarget(shape: Shape, { key, matrix }: Pattern, source: Frame): Target | null {
  const positions = new Int32Array(matrix.rows);
  for (let row = 0; row < matrix.rows; row++) {
    const start = matrix.rowStart[row]!;
    const entries = matrix.rowStart[row + 1]! - start;
    if (entries === 0) return null;
    positions[row] = source.layout.positions[matrix.columns[start + (entries >> 1)]!]!;
  }
  return alongTarget(shape, source, positions, null, key);
}

/** Targets that write a given frame: directly, or by folding windows that wrap around. */
export function targetsOnto(frame: Frame, sources: readonly Placement[]): Target[] {
  const { period, slotCount } = frame.layout;
  const targets = [makeTarget(frame, period)];
  const fills = new Set([...sources.map(({ frame: source }) => source.layout.period), slotCount]);
  for (const fill of fills) {
    if (fill > period) targets.push(makeTarget(frame, fill, period, fill / period));
  }
  return targets;
}
