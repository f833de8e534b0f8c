/** Looks ahead over the graph: which lattice suits an encrypted input, given the strides of everything behind it. */
import type { LinearGraph, NodeId } from '../ir/linear-graph.ts';
import { sourcesOf } from '../ir/linear-graph.ts';
import type { LatticeNeeds } from './grid-targets.ts';
import { spatialOf } from './grid.ts';

/** Spatial strides of every term of a linear node, null where it has none. */
export type StridesOf = (node: NodeId, source: NodeId) => readonly number[] | null;

/**
 * Follows the input through all maps that keep spatial structure, with the lattice points per element of each value.
 */
export function latticeNeeds(graph: LinearGraph, input: NodeId, stridesOf: StridesOf): LatticeNeeds {
  const shape = graph.nodes[input]!.shape;
  const axes = spatialOf(shape);
  const scales: (readonly number[] | null)[] = graph.nodes.map(() => null);
  scales[input] = axes.map(() => 1);
  const room = [...axes];
  const gaps = axes.map(() => 1);
  let split: readonly number[] | null = null;
  for (const node of graph.nodes) {
    for (const source of sourcesOf(node)) {
      const from = scales[source];
      if (from === null || from === undefined) continue;
      const strides = node.kind === 'linear' ? stridesOf(node.id, source) : axes.map(() => 1);
      if (source === input) split = commonSplit(split, strides, axes.length);
      if (strides === null) continue;
      const scale = from.map((value, axis) => value * strides[axis]!);
      const extents = spatialOf(node.shape);
      scales[node.id] = scale;
      for (let axis = 0; axis < axes.length; axis++) {
        // A single position carries no spacing: its stride is the whole axis.
        if (extents[axis] !== 1) room[axis] = Math.max(room[axis]!, Math.ceil(extents[axis]! * scale[axis]!));
        if (scale[axis]! < 1) gaps[axis] = Math.max(gaps[axis]!, Math.round(1 / scale[axis]!));
      }
    }
  }
  return { room: room.map((extent, axis) => extent * gaps[axis]!), gaps, split: split ?? axes.map(() => 1) };
}

function commonSplit(
  known: readonly number[] | null,
  strides: readonly number[] | null,
  rank: number,
): readonly number[] {
  const whole =
    strides?.map((stride) => (Number.isInteger(stride) ? stride : 1)) ?? Array<number>(rank).fill(1);
  if (known === null) return whole;
  return known.map((stride, axis) => (stride === whole[axis] ? stride : 1));
}
