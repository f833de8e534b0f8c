/** What a model's outputs are taken for, which decides how an approximation of them is judged. */
import type { TensorGraph } from '../../ir/tensor-graph.ts';
import { shapeOf } from '../../ir/tensor-graph.ts';

/**
 * - `classes`: scores of which the largest counts, or one score of which the sign does;
 * - `decisions`: a map of such scores, one decision at each position;
 * - `values`: numbers that count themselves.
 */
export type OutputReading =
  | { readonly kind: 'classes' | 'values' }
  | {
      readonly kind: 'decisions';
      /** Scores at each position: 1 where the sign decides. They lie `positions` apart. */
      readonly channels: number;
      readonly positions: number;
    };

/** Of a map that decides, hardly any value lies this close to zero, in standard deviations. */
const UNDECIDED = 0.1;
const UNDECIDED_SHARE = 0.03;
/** Below this share of either sign, it is no decision. */
const LEAST_SHARE = 0.001;

/**
 * Labels or what was cut off the model's end (softmax, sigmoid, arg max) say what outputs are. Where neither does, their values
 * have to: a vector whose largest entry is now this, now that one is taken for class scores, and a map of one channel whose
 * values keep away from zero on both sides for logits.
 * @param outputs per output, [samples × elements] of the original model
 */
export function readOutputs(
  graph: TensorGraph,
  outputs: readonly Float32Array[],
  samples: number,
  labelled: boolean,
): OutputReading {
  if (graph.outputs.length !== 1) return { kind: 'values' };
  const shape = shapeOf(graph, graph.outputs[0]!);
  const values = outputs[0]!;
  const operators = (graph.clientOperators[0] ?? []).map(({ op }) => op);
  const signs = operators.includes('Sigmoid');
  const chosen = operators.some((op) => op !== 'Sigmoid' && op !== 'Identity');
  const axes = shape.filter((size) => size > 1);
  if (axes.length === 0) return { kind: signs ? 'classes' : 'values' };
  if (axes.length === 1) {
    if (signs && !labelled) return { kind: 'decisions', channels: 1, positions: axes[0]! };
    return { kind: labelled || chosen || largestVaries(values, samples) ? 'classes' : 'values' };
  }
  const elements = axes.reduce((product, size) => product * size, 1);
  const channels = shape.length > 3 ? shape[1]! : 1;
  if (signs) return { kind: 'decisions', channels: 1, positions: elements };
  if (channels > 1) {
    return chosen ? { kind: 'decisions', channels, positions: elements / channels } : { kind: 'values' };
  }
  return keepsAwayFromZero(values)
    ? { kind: 'decisions', channels: 1, positions: elements }
    : { kind: 'values' };
}

function largestVaries(values: Float32Array, samples: number): boolean {
  const size = values.length / samples;
  const seen = new Set<number>();
  for (let s = 0; s < samples; s++) {
    let best = 0;
    for (let k = 1; k < size; k++) if (values[s * size + k]! > values[s * size + best]!) best = k;
    seen.add(best);
  }
  return seen.size >= Math.min(samples, Math.max(2, Math.min(size, samples) / 4));
}

function keepsAwayFromZero(values: Float32Array): boolean {
  const sum = values.reduce((total, value) => total + value, 0);
  const mean = sum / values.length;
  const variance = values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length;
  const near = UNDECIDED * Math.sqrt(variance);
  let [positive, undecided] = [0, 0];
  for (const value of values) {
    if (value > 0) positive++;
    if (Math.abs(value) < near) undecided++;
  }
  const share = positive / values.length;
  return share > LEAST_SHARE && share < 1 - LEAST_SHARE && undecided < UNDECIDED_SHARE * values.length;
}
