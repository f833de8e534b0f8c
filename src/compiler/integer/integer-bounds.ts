/** How large the integers of a graph can become: what decides how many plain moduli there must be. */
import { InternalError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { InputQuantisation } from '../../program/signature.ts';
import type { LinearGraph, LinearNode } from '../ir/linear-graph.ts';

interface Interval {
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** Float64 sums may be off by this relative amount; bounds are widened by it. */
const ROUNDING_MARGIN = 1 + 2 ** -30;

/**
 * Largest |output| that any input can lead to, by interval arithmetic element by element. Sound, because the client clamps
 * inputs to their range, and loose, because it takes values to be independent.
 */
export function worstCaseOutput(graph: LinearGraph, inputs: readonly InputQuantisation[]): number {
  const intervals: Interval[] = [];
  let nextInput = 0;
  for (const node of graph.nodes) {
    const size = elementCount(node.shape);
    switch (node.kind) {
      case 'input': {
        const { min, max } = inputs[nextInput++]!;
        intervals.push({ low: new Float64Array(size).fill(min), high: new Float64Array(size).fill(max) });
        break;
      }
      case 'linear':
        intervals.push(linearInterval(node, intervals));
        break;
      case 'polynomial': {
        const { low, high } = intervals[node.source]!;
        const at = (k: number, e: number): number => {
          const own = node.coefficients[k]!;
          return own[own.length === 1 ? 0 : e]!;
        };
        // Linear terms are counted at their largest, wherever the square has its least.
        const rest = (e: number, sign: 1 | -1): number =>
          at(0, e) + Math[sign === 1 ? 'max' : 'min'](at(1, e) * low[e]!, at(1, e) * high[e]!);
        intervals.push({
          low: low.map(
            (l, e) => (l <= 0 && high[e]! >= 0 ? 0 : Math.min(l * l, high[e]! ** 2)) + rest(e, -1),
          ),
          high: low.map((l, e) => Math.max(l * l, high[e]! ** 2) + rest(e, 1)),
        });
        break;
      }
      case 'refresh':
        throw new InternalError('integers are exact: nothing is refreshed');
      case 'product': {
        const [left, right] = [intervals[node.left]!, intervals[node.right]!];
        const corners = (e: number): number[] => [
          left.low[e]! * right.low[e]!,
          left.low[e]! * right.high[e]!,
          left.high[e]! * right.low[e]!,
          left.high[e]! * right.high[e]!,
        ];
        intervals.push({
          low: left.low.map((_, e) => Math.min(...corners(e))),
          high: left.low.map((_, e) => Math.max(...corners(e))),
        });
        break;
      }
    }
  }
  let worst = 1;
  for (const { node } of graph.outputs) {
    const { low, high } = intervals[node]!;
    for (let e = 0; e < low.length; e++) worst = Math.max(worst, Math.abs(low[e]!), Math.abs(high[e]!));
  }
  return worst * ROUNDING_MARGIN;
}

function linearInterval(node: LinearNode, intervals: readonly Interval[]): Interval {
  const size = elementCount(node.shape);
  const low = Float64Array.from({ length: size }, (_, e) => node.bias?.[e] ?? 0);
  const high = low.slice();
  for (const { source, matrix } of node.terms) {
    const x = intervals[source]!;
    for (let r = 0; r < size; r++) {
      for (let k = matrix.rowStart[r]!; k < matrix.rowStart[r + 1]!; k++) {
        const weight = matrix.values[k]!;
        const column = matrix.columns[k]!;
        const [least, most] =
          weight > 0 ? [x.low[column]!, x.high[column]!] : [x.high[column]!, x.low[column]!];
        low[r] = low[r]! + weight * least;
        high[r] = high[r]! + weight * most;
      }
    }
  }
  return { low, high };
}
