/** From decrypted tensors to what the model says: rounding, then the operators cut off the model's end. */
import type { Artifact } from '../src/program/artifact.ts';
import { applyClientOperators, roundToPrecision } from '../src/runtime/client/client-operators.ts';
import { batchOf, sampleShape, splitSamples } from './batches.ts';

export interface ResultTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/**
 * Results of the first `count` samples, one tensor per output of the model.
 * @param exact leaves out the rounding to the certified precision (the cleartext backend has no noise to hide, nor have
 *   integer programs)
 */
export function finishOutputs(
  artifact: Artifact,
  decrypted: readonly Float64Array[],
  count: number,
  exact: boolean,
): ResultTensor[][] {
  const batch = batchOf(artifact);
  const perOutput = artifact.signature.outputs.map((output, i) => {
    const values = decrypted[i]!;
    const rounded =
      exact || output.quantisation !== undefined
        ? values
        : roundToPrecision(values, output.bound, output.precisionBits);
    const shape = sampleShape(output.layout.shape, batch);
    return splitSamples(rounded, batch, count).map((sample): ResultTensor => {
      const result = applyClientOperators({ shape, values: sample }, output.clientOperators);
      return { name: output.name, shape: result.shape, data: [...result.values] };
    });
  });
  return Array.from({ length: count }, (_, sample) => perOutput.map((tensors) => tensors[sample]!));
}
