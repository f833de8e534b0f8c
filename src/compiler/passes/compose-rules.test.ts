import { describe, expect, it } from 'vitest';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import type { LinearGraph, LinearNode } from '../ir/linear-graph.ts';
import { LinearGraphBuilder } from '../ir/linear-graph-builder.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import { diagonal } from '../linear/sparse-matrix.ts';
import { dense } from '../linear/testing/maps.ts';
import { absorbElementwise } from './compose-rules.ts';

const SIZE = 4;

/** A dense map read by another and by 2 x + offset. */
function forked(offset: number): LinearGraph {
  const builder = new LinearGraphBuilder();
  const rest = { layer: 'fc', shape: [1, SIZE], bound: 1 };
  const map = (source: number, matrix: LinearNode['terms'][number]['matrix'], bias: number | null): number =>
    builder.add({
      kind: 'linear',
      terms: [{ source, matrix }],
      bias: bias === null ? null : new Float64Array(SIZE).fill(bias),
      ...rest,
    });
  const first = map(builder.add({ kind: 'input', name: 'x', ...rest }), dense(SIZE, SIZE), null);
  const scaled = map(first, diagonal(new Float64Array(SIZE).fill(2)), offset);
  const other = map(first, dense(SIZE, SIZE), null);
  return builder.build('forked', [
    { name: 'scaled', node: scaled },
    { name: 'other', node: other },
  ]);
}

function absorbed(graph: LinearGraph): LinearGraph | null {
  const [, node, ...readers] = graph.nodes as LinearNode[];
  return absorbElementwise(graph, node!, readers, new MatrixProducts());
}

describe('absorbElementwise', () => {
  it('computes the same with one map less', () => {
    const graph = forked(3);
    const sample = [Float64Array.of(0.5, -0.25, 1, 0)];
    const after = absorbed(graph)!;
    expect(after.nodes).toHaveLength(graph.nodes.length - 1);
    const wanted = evaluateLinearGraph(graph, sample);
    evaluateLinearGraph(after, sample).forEach((values, o) => {
      values.forEach((value, e) => expect(value).toBeCloseTo(wanted[o]![e]!, 12));
    });
  });

  it('takes no offset along in which the values drown', () => {
    expect(absorbed(forked(1e12))).toBeNull();
  });
});
