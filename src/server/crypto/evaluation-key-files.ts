/** Evaluation keys as files: several where one would grow too large to be read at once. */
import type { EvaluationKeys } from '../../runtime/formats/evaluation-keys.ts';
import { evaluationKeyBlobs, evaluationKeysContainer } from '../../runtime/formats/evaluation-keys.ts';
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
  const { refresh: _refresh, ...others } = keys;
  // What is there once goes into the first of them.
  let part: EvaluationKeys = { ...keys, rotations: [] };
  for (const rotation of keys.rotations) {
    const grown = { ...part, rotations: [...part.rotations, rotation] };
    if (part.rotations.length === 0 || bytesOf(grown) <= maxBytes) {
      part = grown;
      continue;
    }
    parts.push(part);
    part = { ...others, rotations: [rotation], relinearization: null };
  }
  parts.push(part);
  return parts.map((part, i) => ({
    name: `evaluation-keys-${i + 1}.hect`,
    pieces: containerChunks(evaluationKeysContainer(part)),
  }));
}

function bytesOf(keys: EvaluationKeys): number {
  return evaluationKeyBlobs(keys).reduce((sum, { length }) => sum + length, 0);
}
