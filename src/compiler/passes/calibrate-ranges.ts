/** Runs a graph over the calibration inputs and records the range of every tensor: the bounds that lowering starts from. */
import { CompileError } from '../../errors.ts';
import { findOutliers, sampleExtents, type Outlier, type SampleExtents } from '../analysis/robust-range.ts';
import type { RangeStatistics } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import type { Progress } from '../options.ts';
import type { TensorValues } from '../reference/execute-node.ts';
import { executeNode } from '../reference/execute-node.ts';

const BINS = 64;
/** Histograms are for people; a stride of the values is enough. Minimum, maximum and moments see every value. */
const HISTOGRAM_VALUES = 1 << 18;

/** Values that are not finite (an input that left a polynomial's range) are skipped; there are others. */
export function rangeStatistics(tensor: string, values: Float32Array): RangeStatistics {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    squares += value * value;
    count++;
  }
  const mean = sum / count;
  const histogram = new Array<number>(BINS).fill(0);
  const stride = Math.max(1, Math.floor(values.length / HISTOGRAM_VALUES));
  const scale = max > min ? BINS / (max - min) : 0;
  for (let i = 0; i < values.length; i += stride) {
    if (!Number.isFinite(values[i]!)) continue;
    const bin = Math.min(BINS - 1, Math.floor((values[i]! - min) * scale));
    histogram[bin] = histogram[bin]! + 1;
  }
  return {
    tensor,
    min,
    max,
    mean,
    standardDeviation: Math.sqrt(Math.max(0, squares / count - mean * mean)),
    histogram,
  };
}

/** Index of the last node that reads each tensor. */
export function lastUses(graph: TensorGraph): Map<string, number> {
  const uses = new Map<string, number>();
  for (const [index, node] of graph.nodes.entries()) for (const input of node.inputs) uses.set(input, index);
  return uses;
}

/** A tensor whose values are beyond float32 for some samples. */
export interface RangeOverflow {
  readonly tensor: string;
  readonly samples: number;
}

export interface CalibratedRanges {
  /** Statistics of every tensor, over the samples that do not stand apart. */
  readonly ranges: ReadonlyMap<string, RangeStatistics>;
  readonly outliers: readonly Outlier[];
  /** The first tensor that overflows on samples that do not stand apart; null if none does. */
  readonly overflow: RangeOverflow | null;
}

/**
 * Statistics of every tensor of the graph over the inputs given ([samples × elements] each), node by node; tensors are freed
 * after their last use. Samples that stand apart are found on the way, and the statistics are those of the others.
 * @throws CompileError REFERENCE_FAILED naming the node, RANGE_OVERFLOW; BackendError CANCELLED
 */
export async function calibrateRanges(
  graph: TensorGraph,
  inputs: TensorValues,
  samples: number,
  progress: Progress,
): Promise<CalibratedRanges> {
  const { ranges, extents } = await measure(graph, inputs, samples, progress);
  const outliers = findOutliers(extents);
  if (outliers.length === 0) return { ranges, outliers, overflow: findOverflow(extents) };
  const apart = new Set(outliers.map(({ sample }) => sample));
  const usual = new Map(
    [...inputs].map(([name, values]) => [name, withoutSamples(values, samples, apart)] as const),
  );
  const again = await measure(graph, usual, samples - apart.size, progress);
  return { ranges: again.ranges, outliers, overflow: findOverflow(again.extents) };
}

function findOverflow(extents: readonly SampleExtents[]): RangeOverflow | null {
  for (const { tensor, largest } of extents) {
    const samples = largest.filter((value) => value === Infinity).length;
    if (samples > 0) return { tensor, samples };
  }
  return null;
}

/** What a tensor is worth no range for: where a few of its elements overflow on every input, the others say nothing of these. */
export function rangeOverflow({ tensor, samples }: RangeOverflow, total: number): CompileError {
  const where = samples === total ? 'every calibration input' : `${samples} of ${total} calibration inputs`;
  return new CompileError('RANGE_OVERFLOW', `tensor ${tensor} overflows float32 on ${where}`, {
    node: tensor,
    hint: 'check the preprocessing of the calibration inputs (--pixel-scale, --mean, --std) and the weights that lead there',
  });
}

async function measure(
  graph: TensorGraph,
  inputs: TensorValues,
  samples: number,
  progress: Progress,
): Promise<{ readonly ranges: ReadonlyMap<string, RangeStatistics>; readonly extents: SampleExtents[] }> {
  const ranges = new Map<string, RangeStatistics>();
  const extents: SampleExtents[] = [];
  const record = (tensor: string, data: Float32Array, isInput: boolean): void => {
    const largest = sampleExtents(data, samples);
    if (largest.every((value) => value === Infinity)) throw rangeOverflow({ tensor, samples }, samples);
    ranges.set(tensor, rangeStatistics(tensor, data));
    extents.push({ tensor, isInput, largest });
  };
  const values = new Map(inputs);
  for (const [tensor, data] of inputs) record(tensor, data, true);
  const lastUse = lastUses(graph);
  for (const [index, node] of graph.nodes.entries()) {
    const results = await executeNode(graph, node, values, progress.signal);
    const outputs = node.outputs.filter((output) => output !== '');
    for (const [i, output] of outputs.entries()) {
      record(output, results[i]!, false);
      if (lastUse.has(output)) values.set(output, results[i]!);
    }
    for (const tensor of node.inputs) if (lastUse.get(tensor) === index) values.delete(tensor);
    progress.report('calibrate-ranges', (index + 1) / graph.nodes.length);
  }
  return { ranges, extents };
}

function withoutSamples(values: Float32Array, samples: number, left: ReadonlySet<number>): Float32Array {
  const size = values.length / samples;
  const kept = new Float32Array((samples - left.size) * size);
  let next = 0;
  for (let s = 0; s < samples; s++) {
    if (left.has(s)) continue;
    kept.set(values.subarray(s * size, (s + 1) * size), next);
    next += size;
  }
  return kept;
}
