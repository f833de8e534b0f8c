/** The client of the cleartext backend: packs and unpacks as usual, and encrypts nothing. For verification only. */
import { unpack } from '../../program/layout.ts';
import type { Signature } from '../../program/signature.ts';
import { slotsFromBytes, slotsToBytes } from '../backends/cleartext.ts';
import { packInputs } from '../encryption/encrypt-inputs.ts';
import type { CiphertextSet } from '../formats/ciphertext-set.ts';
import { requireTensors } from '../formats/ciphertext-set.ts';
import { parametersDigest } from '../formats/parameters-digest.ts';

export function packCleartextInputs(signature: Signature, inputs: readonly Float64Array[]): CiphertextSet {
  const packed = packInputs(signature, inputs);
  return {
    backend: 'cleartext',
    parametersDigest: parametersDigest(signature.parameters),
    keySet: null,
    tensors: signature.inputs.map(({ name, level, scale }, i) => ({
      name,
      level,
      scale,
      ciphertexts: packed[i]!.map(slotsToBytes),
    })),
  };
}

export function unpackCleartextOutputs(signature: Signature, set: CiphertextSet): Float64Array[] {
  const expected = signature.outputs.map(({ name, level, scale, layout }) => ({
    name,
    level,
    scale,
    ciphertexts: layout.ciphertexts,
  }));
  const setting = { backend: 'cleartext' as const, parametersDigest: parametersDigest(signature.parameters) };
  requireTensors(set, setting, expected);
  return signature.outputs.map(({ layout }, i) =>
    unpack(layout, set.tensors[i]!.ciphertexts.map(slotsFromBytes)),
  );
}
