/** A sum of two ciphertexts from bytes to bytes, without any key: for who adds up what many have sent. */
import type { Ciphertext } from 'node-seal';
import { callSeal } from '../seal/module.ts';
import type { BfvContext, Residue } from './context.ts';
import { joinParts, splitParts } from './parts.ts';

/** Both at `level`; every byte is checked. @throws ArtifactError CIPHERTEXT_INVALID */
export function addCiphertexts(
  context: BfvContext,
  one: Uint8Array,
  other: Uint8Array,
  level: number,
): Uint8Array {
  const { residues } = context;
  const [left, right] = [one, other].map((bytes) => splitParts(bytes, residues.length, 'CIPHERTEXT_INVALID'));
  return joinParts(residues.map((residue, r) => addParts(context, residue, left![r]!, right![r]!, level)));
}

function addParts(
  { seal, handles }: BfvContext,
  { evaluator, loader }: Residue,
  one: Uint8Array,
  other: Uint8Array,
  level: number,
): Uint8Array {
  const loaded: Ciphertext[] = [];
  try {
    const [total, summand] = [one, other].map((bytes) => {
      const ciphertext = handles.own(new seal.Ciphertext());
      loaded.push(ciphertext);
      loader.ciphertext(ciphertext, bytes, level, 1);
      return ciphertext;
    });
    return callSeal('adding up', () => {
      evaluator.addInplace(total!, summand!);
      return total!.saveToArray(seal.ComprModeType.none) as Uint8Array;
    });
  } finally {
    for (const ciphertext of loaded) handles.free(ciphertext);
  }
}
