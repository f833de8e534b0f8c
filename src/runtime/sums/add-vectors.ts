/** Encrypted vectors → their sum, one ciphertext at a time: whoever adds up the same ones gets the same bytes. */
import { ArtifactError } from '../../errors.ts';
import type { CiphertextSum } from './ciphertext-sum.ts';

/**
 * @param vectors ciphertexts of each, in order; at least one vector, all of one length
 * @throws ArtifactError CIPHERTEXT_INVALID
 */
export async function* addVectors(
  adder: CiphertextSum,
  vectors: readonly AsyncIterable<Uint8Array>[],
): AsyncGenerator<Uint8Array> {
  const streams = vectors.map((vector) => vector[Symbol.asyncIterator]());
  for (;;) {
    const next = await Promise.all(streams.map((stream) => stream.next()));
    const ciphertexts = next.flatMap((each) => (each.done === true ? [] : [each.value]));
    if (ciphertexts.length === 0) return;
    if (ciphertexts.length < streams.length)
      throw new ArtifactError('CIPHERTEXT_INVALID', 'encrypted vectors of different lengths');
    yield ciphertexts.reduce((sum, each) => adder.add(sum, each));
  }
}
