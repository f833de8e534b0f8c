/** How well an integer graph does what the real one does, in the clear, over calibration inputs. */
import type { LinearGraph } from '../ir/linear-graph.ts';
import { evaluateLinearGraph } from '../analysis/evaluate-linear-graph.ts';
import { quantise } from '../../program/quantisation.ts';
import type { Samples } from '../passes/build-candidate.ts';
import type { OutputReading } from '../passes/approximation/output-reading.ts';
import type { Drop } from '../passes/approximation/drop.ts';
import { compareOutputs } from '../passes/approximation/quality.ts';
import type { IntegerGraph } from './quantise-graph.ts';

/** Inputs with what is known of them: classes, and what the real graph makes of them. */
export interface IntegerReference {
  readonly samples: Samples;
  readonly labels: Int32Array | null;
  readonly reading: OutputReading;
  /** Per output, [samples × elements]. */
  readonly outputs: readonly Float32Array[];
}

export interface IntegerQuality {
  readonly accuracy: number | null;
  readonly agreement: number | null;
  readonly drop: Drop;
  /** Largest |output integer| seen. */
  readonly largest: number;
  readonly samples: number;
}

export function referenceOutputs(graph: LinearGraph, samples: Samples): Float32Array[] {
  return flatten(samples.map((sample) => evaluateLinearGraph(graph, sample)));
}

/**
 * In float64: integers above 2^53 are rounded in their last bits, which no comparison of classes sees.
 */
export function measureIntegers(integer: IntegerGraph, reference: IntegerReference): IntegerQuality {
  const { samples, labels, reading } = reference;
  let largest = 1;
  const results = samples.map((sample) => {
    const integers = sample.map((values, i) => quantise(values, integer.inputs[i]));
    return evaluateLinearGraph(integer.graph, integers).map((values, i) => {
      for (const value of values) largest = Math.max(largest, Math.abs(value));
      return values.map((value) => value * integer.outputs[i]!.scale);
    });
  });
  const { quality, drop } = compareOutputs(
    reference.outputs,
    flatten(results),
    samples.length,
    labels,
    reading,
  );
  return {
    accuracy: quality.polynomialAccuracy,
    agreement: quality.agreement,
    drop,
    largest,
    samples: samples.length,
  };
}

/** From [sample][output] to one array for each output. */
function flatten(results: readonly (readonly Float64Array[])[]): Float32Array[] {
  return (results[0] ?? []).map((first, output) => {
    const all = new Float32Array(results.length * first.length);
    results.forEach((outputs, s) => all.set(outputs[output]!, s * first.length));
    return all;
  });
}
