/** What the accuracy of an integer program is judged by: calibration inputs, their classes, and the real graph's answers. */
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import type { CompileOptions } from '../options.ts';
import { calibrationInputs, loadCalibration, unbatch } from '../passes/approximation/calibration-batch.ts';
import { readOutputs } from '../passes/approximation/output-reading.ts';
import type { IntegerReference } from './integer-quality.ts';
import { referenceOutputs } from './integer-quality.ts';

/** More would cost minutes on large graphs; the standard error of a fraction of 0.99 is then 0.3 points. */
const SAMPLES = 1000;

export function integerReference(
  tensors: TensorGraph,
  graph: LinearGraph,
  options: CompileOptions,
): IntegerReference {
  const { single, batchSize } = unbatch(tensors);
  const count = Math.min(SAMPLES, options.samples);
  const samples = calibrationInputs(tensors, options, Math.ceil(count / batchSize));
  const labels =
    batchSize === 1 ? loadCalibration(single, { ...options, samples: samples.length }).labels : null;
  const outputs = referenceOutputs(graph, samples);
  const reading =
    batchSize === 1
      ? readOutputs(tensors, outputs, samples.length, labels !== null)
      : ({ kind: 'values' } as const);
  return { samples, labels, reading, outputs };
}
