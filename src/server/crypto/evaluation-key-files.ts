/** Evaluation keys as files: several where one would grow too large to be read at once. */
import type { EvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { evaluationKeysContainer } from '../../runtime/formats/evaluation-keys.ts';
import { containerChunks } from '../../runtime/formats/container.ts';

/** Readers take less than 2 GiB at once. */
const MAX_FILE_BYTES = 1024 * 2 ** 20;

export interface EvaluationKeyFile {
  readonly name: string;
  /** To be written one after the other. */
  readonly pieces: readonly Uint8Array[];
}

/** Every file is a container of its own with some of the keys; together they hold each key once. */
export function evaluationKeyFiles(keys: EvaluationKeys, maxBytes = MAX_FILE_BYTES): EvaluationKeyFile[] {
  const parts: EvaluationKeys[] = [];
  let rotations: EvaluationKeys['rotations'][number][] = [];
  let size = keys.relinearization?.bytes.length ?? 0;
  let relinearization = keys.relinearization;
  for (const rotation of keys.rotations) {
    if (rotations.length > 0 && size + rotation.bytes.length > maxBytes) {
      parts.push({ ...keys, rotations, relinearization });
      [rotations, relinearization, size] = [[], null, 0];
    }
    rotations.push(rotation);
    size += rotation.bytes.length;
  }
  parts.push({ ...keys, rotations, relinearization });
  return parts.map((part, i) => ({
    name: `evaluation-keys-${i + 1}.hect`,
    pieces: containerChunks(evaluationKeysContainer(part)),
  }));
}
