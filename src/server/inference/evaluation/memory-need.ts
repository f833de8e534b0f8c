/** What one evaluation process may use; the sum over all processes stays within the server's bound. */
import type { Artifact } from '../../../program/artifact.ts';
import { sealMemory, SEAL_HEAP_BYTES } from '../../../program/memory-model.ts';
import { nativeMemory } from '../../../program/native-memory.ts';
import { evaluationBackend } from './evaluation-backend.ts';

export interface MemoryNeed {
  /** For the whole process. */
  readonly totalBytes: number;
  /** Of it, for the evaluator. */
  readonly evaluatorBytes: number;
  readonly threads: number;
}

/**
 * As many threads as asked for, fewer if the bound does not allow them; keys are copied to every thread. Some room is
 * added for plaintexts that stay encoded, which makes evaluations faster.
 */
export function memoryNeed(
  artifact: Pick<Artifact, 'program' | 'parameters' | 'report'>,
  artifactBytes: number,
  threads: number,
  boundBytes: number,
): MemoryNeed {
  const { program, parameters } = artifact;
  if (evaluationBackend(artifact) === 'native') {
    // Threads share everything.
    const need = nativeMemory(program, parameters);
    const fixed = 4 * artifactBytes;
    const evaluatorBytes = Math.max(
      need.total,
      Math.min(need.total + need.plaintextBytes / 0.9, boundBytes - fixed),
    );
    return { totalBytes: fixed + evaluatorBytes, evaluatorBytes: Math.ceil(evaluatorBytes), threads };
  }
  const need = sealMemory(program, parameters);
  const perThread = Math.min(SEAL_HEAP_BYTES, need.totalPerWorker + need.plaintextBytes);
  const fixed = 4 * artifactBytes;
  const heapsBytes = boundBytes - fixed - need.processBytes;
  const fitting = Math.max(1, Math.min(threads, Math.floor(heapsBytes / perThread)));
  // At the least what cannot be done without; the evaluator refuses if even that is too much.
  const evaluatorBytes =
    need.processBytes + Math.max(need.totalPerWorker, Math.min(fitting * perThread, heapsBytes));
  return { totalBytes: fixed + evaluatorBytes, evaluatorBytes: Math.ceil(evaluatorBytes), threads: fitting };
}
