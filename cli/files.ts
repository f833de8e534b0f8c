/** The files that several commands read. */
import { decodeArtifact } from '../src/program/codec.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { readBounded } from '../src/data/read-file.ts';
import { ArtifactError } from '../src/errors.ts';

const MAX_MODEL_BYTES = 2047 * 1024 * 1024;
const MAX_ARTIFACT_BYTES = 2047 * 1024 * 1024;

/** Read piece by piece. */
export const MAX_KEY_FILE_BYTES = 64 * 1024 * 1024 * 1024;
/** Node reads no file beyond 2 GiB at once. */
export const MAX_CIPHERTEXT_FILE_BYTES = 2047 * 1024 * 1024;

/** @throws ArtifactError FILE_…, or that of the codec with the file's name: several commands take several files */
export async function readArtifact(file: string): Promise<Artifact> {
  const bytes = await readBounded(file, MAX_ARTIFACT_BYTES, 'the artifact');
  try {
    return decodeArtifact(bytes);
  } catch (error) {
    if (!(error instanceof ArtifactError)) throw error;
    const { code, message, hint } = error;
    throw new ArtifactError(code, `${file}: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
      cause: error,
    });
  }
}

export function readModel(file: string): Promise<Uint8Array> {
  return readBounded(file, MAX_MODEL_BYTES, 'the model');
}
