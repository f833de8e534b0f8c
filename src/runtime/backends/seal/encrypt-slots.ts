/** Encoding, encryption and serialization in one step, whichever key encrypts. */
import type { Plaintext, SerializableCiphertext } from 'node-seal';
import type { SealContext } from './context.ts';
import { callSeal } from './module.ts';
import { saveAndFree } from './save.ts';

/** @param encrypt makes a ciphertext, which is owned and freed here */
export function encryptSlots(
  context: SealContext,
  slots: Float64Array,
  level: number,
  scale: number,
  encrypt: (plain: Plaintext) => SerializableCiphertext,
): Uint8Array {
  const { seal, handles } = context;
  const plain = handles.own(new seal.Plaintext());
  try {
    context.encode(slots, level, scale, plain);
    return saveAndFree(
      context,
      'encryption',
      callSeal('encryption', () => handles.own(encrypt(plain))),
    );
  } finally {
    handles.free(plain);
  }
}
