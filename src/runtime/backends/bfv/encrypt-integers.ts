/** Encoding, encryption and serialization in one step, for every plain modulus, whichever key encrypts. */
import type { Ciphertext, Plaintext, SerializableCiphertext } from 'node-seal';
import { ArtifactError } from '../../../errors.ts';
import { callSeal } from '../seal/module.ts';
import type { Savable } from '../seal/save.ts';
import type { BfvContext } from './context.ts';
import { joinParts } from './parts.ts';

export interface PartEncryptor {
  /** At the top level only, which is all that SEAL offers. */
  compact(plain: Plaintext): SerializableCiphertext;
  /** The same without a seed, so that it can be switched to a lower level. */
  full(plain: Plaintext, result: Ciphertext): void;
}

/** @param encryptors one for each plain modulus */
export function encryptIntegers(
  context: BfvContext,
  slots: Float64Array,
  level: number,
  scale: number,
  encryptors: readonly PartEncryptor[],
): Uint8Array {
  const { seal, handles, residues, topLevel } = context;
  if (scale !== 1 || level > topLevel || level < 0) {
    throw new ArtifactError('PARAMETERS_MISMATCH', `BFV encrypts at scale 1 and levels up to ${topLevel}`);
  }
  const saved = (handle: Savable): Uint8Array =>
    callSeal('saving', () => handle.saveToArray(seal.ComprModeType.none) as Uint8Array);
  return joinParts(
    residues.map((residue, r) => {
      const plain = handles.own(new seal.Plaintext());
      const ciphertext = handles.own(new seal.Ciphertext());
      try {
        context.encode(residue, slots, plain);
        if (level === topLevel) {
          const compact = callSeal('encryption', () => handles.own(encryptors[r]!.compact(plain)));
          try {
            return saved(compact);
          } finally {
            handles.free(compact);
          }
        }
        callSeal('encryption', () => {
          encryptors[r]!.full(plain, ciphertext);
          residue.evaluator.cipherModSwitchToInplace(ciphertext, residue.parmsIds[level]!);
        });
        return saved(ciphertext);
      } finally {
        handles.free(ciphertext);
        handles.free(plain);
      }
    }),
  );
}
