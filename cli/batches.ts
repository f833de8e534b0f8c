/** Artifacts compiled with --batch take several samples at once; commands think in samples. */
import type { Artifact } from '../src/program/artifact.ts';
import { elementCount } from '../src/program/layout.ts';
import type { DataTarget } from '../src/data/dataset.ts';
import { InternalError } from '../src/errors.ts';

/** Samples that one evaluation takes: a model whose batch axis is fixed at 1 takes one, whatever was asked for. */
export function batchOf({ signature, negotiation }: Artifact): number {
  const asked = negotiation.batch_size;
  return signature.inputs.every(({ layout }) => layout.shape[0] === asked) ? asked : 1;
}

/** The inputs as one sample sees them, for the data loaders. */
export function sampleTarget(artifact: Artifact): DataTarget {
  const { signature } = artifact;
  const [first] = signature.inputs;
  if (first === undefined) throw new InternalError('a signature without inputs');
  const inputs = signature.inputs.map(({ name, layout }) => ({
    name,
    shape: sampleShape(layout.shape, batchOf(artifact)),
  }));
  return { inputs, preprocessing: first.preprocessing };
}

/** The shape with its batch axis shared out. */
export function sampleShape(shape: readonly number[], batch: number): readonly number[] {
  return batch === 1 ? shape : [shape[0]! / batch, ...shape.slice(1)];
}

/**
 * Samples [sample][input] side by side as the artifact's input tensors. Places that are left over repeat the first sample: zeros may be
 * nothing that the model was calibrated on, and what runs away in one place spoils the others.
 */
export function joinSamples(
  artifact: Artifact,
  samples: readonly (readonly Float32Array[])[],
): Float64Array[] {
  const batch = batchOf(artifact);
  return artifact.signature.inputs.map(({ layout }, input) => {
    const joined = new Float64Array(elementCount(layout.shape));
    const size = joined.length / batch;
    for (let i = 0; i < batch; i++) joined.set((samples[i] ?? samples[0])![input]!, i * size);
    return joined;
  });
}

/** The first `count` samples of a batch's output. */
export function splitSamples(values: Float64Array, batch: number, count: number): Float64Array[] {
  const size = values.length / batch;
  return Array.from({ length: count }, (_, i) => values.slice(i * size, (i + 1) * size));
}
