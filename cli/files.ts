/** The files that several commands read. */
import { decodeArtifact } from '../src/program/codec.ts';
import type { Artifact } from '../src/program/artifact.ts';
import { readBounded } from '../src/data/read-file.ts';

const MAX_MODEL_BYTES = 2047 * 1024 * 1024;
const MAX_ARTIFACT_BYTES = 2047 * 1024 * 1024;

/** Larger key sets exist, but Node reads no file beyond 2 GiB at once. */
export const MAX_KEY_FILE_BYTES = 2047 * 1024 * 1024;
export const MAX_CIPHERTEXT_FILE_BYTES = 2047 * 1024 * 1024;

/** @throws ArtifactError FILE_…, or that of the codec */
export async function readArtifact(file: string): Promise<Artifact> {
  return decodeArtifact(await readBounded(file, MAX_ARTIFACT_BYTES, 'the artifact'));
}

export function readModel(file: string): Promise<Uint8Array> {
  return readBounded(file, MAX_MODEL_BYTES, 'the model');
}
