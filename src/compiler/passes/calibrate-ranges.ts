/** Runs a graph over the calibration inputs and records the range of every tensor: the bounds that lowering starts from. */
import { CompileError } from '../../errors.ts';
import { findOutliers, sampleExtents, type Outlier, type SampleExtents } from '../analysis/robust-range.ts';
import type { TensorRange } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import type { Progress } from '../options.ts';
import type { TensorValues } from '../reference/execute-node.ts';
import { executeNode } from '../reference/execute-node.ts';

/** Least and greatest value of every sample, over those that are finite; `values` is [samples × elements]. */
interface SampleRanges {
  readonly min: Float64Array;
  readonly max: Float64Array;
}

function sampleRanges(values: Float32Array, samples: number): SampleRanges {
  const size = values.length / samples;
  const min = new Float64Array(samples).fill(Infinity);
  const max = new Float64Array(samples).fill(-Infinity);
  for (let s = 0; s < samples; s++) {
    let least = Infinity;
    let greatest = -Infinity;
    for (let i = s * size; i < (s + 1) * size; i++) {
      const value = values[i]!;
      if (value < least && value !== -Infinity) least = value;
      if (value > greatest && value !== Infinity) greatest = value;
    }
    min[s] = least;
    max[s] = greatest;
  }
  return { min, max };
}

/** Over the samples that are not left out. */
function joined(tensor: string, { min, max }: SampleRanges, left: ReadonlySet<number>): TensorRange {
  const over = (values: Float64Array, start: number, choose: (a: number, b: number) => number): number =>
    values.reduce((found, value, sample) => (left.has(sample) ? found : choose(found, value)), start);
  return { tensor, min: over(min, Infinity, Math.min), max: over(max, -Infinity, Math.max) };
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
  /** Of every tensor, over the samples that do not stand apart. Values that are not finite are skipped; there are others. */
  readonly ranges: ReadonlyMap<string, TensorRange>;
  readonly outliers: readonly Outlier[];
  /** The first tensor that overflows on samples that do not stand apart; null if none does. */
  readonly overflow: RangeOverflow | null;
}

/**
 * Ranges of every tensor of the graph over the inputs given ([samples × elements] each), node by node; tensors are freed
 * after their last use. Samples that stand apart are found on the way, and the ranges are those of the others.
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
  const apart = new Set(outliers.map(({ sample }) => sample));
  const usual = extents.map((extent) => ({
    ...extent,
    largest: extent.largest.filter((_, sample) => !apart.has(sample)),
  }));
  for (const extent of usual) requireFinite(extent);
  return {
    ranges: new Map([...ranges].map(([tensor, range]) => [tensor, joined(tensor, range, apart)])),
    outliers,
    overflow: findOverflow(usual),
  };
}

/** A tensor that overflows on every sample has no range. */
function requireFinite({ tensor, largest }: SampleExtents): void {
  const { length } = largest;
  if (largest.every((value) => value === Infinity)) throw rangeOverflow({ tensor, samples: length }, length);
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
): Promise<{ readonly ranges: ReadonlyMap<string, SampleRanges>; readonly extents: SampleExtents[] }> {
  const ranges = new Map<string, SampleRanges>();
  const extents: SampleExtents[] = [];
  const record = (tensor: string, data: Float32Array, isInput: boolean): void => {
    const extent = { tensor, isInput, largest: sampleExtents(data, samples) };
    requireFinite(extent);
    ranges.set(tensor, sampleRanges(data, samples));
    extents.push(extent);
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
