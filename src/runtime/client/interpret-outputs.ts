/** From decrypted tensors to what the model says. */
import { ArtifactError } from '../../errors.ts';
import type { Signature } from '../../program/signature.ts';
import type { Tensor } from './client-operators.ts';
import { applyClientOperators, roundToPrecision } from './client-operators.ts';
import { requireOutputRange } from './read-output.ts';

export interface NamedTensor extends Tensor {
  readonly name: string;
}

/**
 * Rounds decrypted tensors to the certified precision, as whoever shows them to others must (see `roundToPrecision`), and
 * applies the operators that were cut off the model's end. The result has the shapes and names of the ONNX model's outputs.
 * @param decrypted row-major, in the order of the signature, as `SecretClient.decrypt` returns them
 * @throws ArtifactError OUTPUT_COUNT or OUTPUT_OUT_OF_RANGE
 */
export function interpretOutputs(signature: Signature, decrypted: readonly Float64Array[]): NamedTensor[] {
  const { outputs } = signature;
  if (decrypted.length !== outputs.length) {
    throw new ArtifactError(
      'OUTPUT_COUNT',
      `expected ${outputs.length} output tensors, found ${decrypted.length}`,
    );
  }
  return outputs.map((output, i) => {
    const { name, layout, bound, precisionBits, clientOperators, quantisation } = output;
    requireOutputRange(output, decrypted[i]!);
    // Exact results carry no noise that could tell about the secret key.
    const values =
      quantisation === undefined ? roundToPrecision(decrypted[i]!, bound, precisionBits) : decrypted[i]!;
    return { name, ...applyClientOperators({ shape: layout.shape, values }, clientOperators) };
  });
}
