/** How large an encrypted result can be, by what the server itself has signed of its model: no more is taken into memory. */
import { sealCiphertextBytes } from '../../program/memory-model.ts';
import { decodeSignature } from '../protocol/signature-document.ts';
import { ConnectionFailure } from './connection.ts';

/** Whatever a model is said to give. */
const MAX_RESULT_BYTES = 512 * 2 ** 20;
/** What a header and each ciphertext's own may have. */
const HEADER_BYTES = 2 ** 20;
const CIPHERTEXT_HEADER_BYTES = 1024;

/** @param signature as it came. @throws ConnectionFailure if it is none */
export function resultBytesBound(signature: unknown): number {
  try {
    const { outputs, parameters } = decodeSignature(signature);
    const parts = parameters.plainModuli?.length ?? 1;
    const bytes = outputs.reduce(
      (sum, { layout, level }) =>
        sum + parts * layout.ciphertexts * (sealCiphertextBytes(parameters, level) + CIPHERTEXT_HEADER_BYTES),
      HEADER_BYTES,
    );
    return Math.min(bytes, MAX_RESULT_BYTES);
  } catch (error) {
    throw new ConnectionFailure('the server’s description of the model is damaged', true, error);
  }
}
