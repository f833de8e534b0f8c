/** The client of the cleartext backend: packs and unpacks as usual, and encrypts nothing. For verification only. */
import type { Signature } from '../../program/signature.ts';
import { slotsFromBytes, slotsToBytes } from '../backends/cleartext.ts';
import { integersFromBytes, integersToBytes } from '../backends/integers.ts';
import type { EncryptOptions } from '../encryption/encrypt-inputs.ts';
import { packInputs } from '../encryption/encrypt-inputs.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import { requireTensors } from '../formats/ciphertext-set.ts';
import { parametersDigest } from '../formats/parameters-digest.ts';
import { readOutput } from './read-output.ts';

export function packCleartextInputs(
  signature: Signature,
  inputs: readonly Float64Array[],
  options: EncryptOptions = {},
): CiphertextSet {
  const packed = packInputs(signature, inputs, options);
  return {
    scheme: 'cleartext',
    parametersDigest: parametersDigest(signature.parameters),
    keySet: null,
    tensors: signature.inputs.map(({ name, level, scale }, i) => ({
      name,
      level,
      scale,
      ciphertexts: packed[i]!.map(
        signature.parameters.scheme === 'bfv'
          ? (slots) => integersToBytes(Array.from(slots, BigInt))
          : slotsToBytes,
      ),
    })),
  };
}

/** @throws ArtifactError CIPHERTEXT_MISMATCH or OUTPUT_OUT_OF_RANGE */
export function unpackCleartextOutputs(signature: Signature, set: CiphertextSet): Float64Array[] {
  const expected = signature.outputs.map(({ name, level, scale, layout }) => ({
    name,
    level,
    scale,
    ciphertexts: layout.ciphertexts,
  }));
  const setting = { scheme: 'cleartext' as const, parametersDigest: parametersDigest(signature.parameters) };
  requireTensors(set, setting, expected);
  const slotsOf =
    signature.parameters.scheme === 'bfv'
      ? (bytes: Uint8Array): Float64Array => Float64Array.from(integersFromBytes(bytes), Number)
      : slotsFromBytes;
  return signature.outputs.map((output, i) => readOutput(output, set.tensors[i]!.ciphertexts.map(slotsOf)));
}
