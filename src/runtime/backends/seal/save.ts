/** Serialization of keys and ciphertexts, uncompressed: they are random, and there is nothing to gain. */
import type { SealContext } from './context.ts';
import { callSeal } from './module.ts';
import type { ClassHandle, ComprModeType } from 'node-seal';

export interface Savable extends ClassHandle {
  saveToArray(mode: ComprModeType): unknown;
}

export function save({ seal }: SealContext, what: string, handle: Savable): Uint8Array {
  return callSeal(what, () => handle.saveToArray(seal.ComprModeType.none) as Uint8Array);
}

/** Takes over `handle`, which the context owns. */
export function saveAndFree(context: SealContext, what: string, handle: Savable): Uint8Array {
  try {
    return save(context, what, handle);
  } finally {
    context.handles.free(handle);
  }
}
