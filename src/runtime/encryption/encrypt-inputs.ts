/** From input tensors to ciphertexts by a signature, whichever key encrypts. */
import { ArtifactError, InternalError } from '../../errors.ts';
import { elementCount, pack } from '../../program/layout.ts';
import { quantise } from '../../program/quantisation.ts';
import type { Signature } from '../../program/signature.ts';
import type { CiphertextSet, EncryptedTensor } from '../formats/ciphertext-set.ts';
import type { Origin } from '../formats/origin.ts';

/** One ciphertext to make: N/2 slots, at exactly this level and scale. */
export interface EncryptionOrder {
  readonly slots: Float64Array;
  readonly level: number;
  readonly scale: number;
}

/**
 * Packs row-major input tensors, in the order of the signature, and has each ciphertext made by `encrypt`.
 * @throws ArtifactError INPUT_SHAPE or INPUT_VALUE
 */
export async function encryptTensors(
  signature: Signature,
  origin: Origin,
  inputs: readonly Float64Array[],
  encrypt: (order: EncryptionOrder) => Promise<Uint8Array>,
): Promise<CiphertextSet> {
  const packed = packInputs(signature, inputs);
  const tensors: EncryptedTensor[] = [];
  for (const [i, { name, level, scale }] of signature.inputs.entries()) {
    const ciphertexts: Uint8Array[] = [];
    for (const slots of packed[i]!) ciphertexts.push(await encrypt({ slots, level, scale }));
    tensors.push({ name, level, scale, ciphertexts });
  }
  return { ...origin, tensors };
}

/** Dense slots of every input; @throws ArtifactError INPUT_SHAPE or INPUT_VALUE */
export function packInputs(signature: Signature, inputs: readonly Float64Array[]): Float64Array[][] {
  if (inputs.length !== signature.inputs.length) {
    throw new ArtifactError(
      'INPUT_SHAPE',
      `expected ${signature.inputs.length} input tensors, found ${inputs.length}`,
    );
  }
  return signature.inputs.map(({ name, layout, quantisation }, i) => {
    const values = inputs[i];
    if (values === undefined) throw new InternalError('an input is missing');
    if (values.length !== elementCount(layout.shape)) {
      throw new ArtifactError(
        'INPUT_SHAPE',
        `input ${name} has shape [${layout.shape.join(', ')}], but ${values.length} values were given`,
      );
    }
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad !== -1) throw new ArtifactError('INPUT_VALUE', `input ${name} is not finite at element ${bad}`);
    return pack(layout, quantise(values, quantisation));
  });
}
