/** How many workers fit into memory, and what each may use. */
import { BackendError } from '../../errors.ts';
import { SEAL_HEAP_BYTES, sealLevelEncoderBytes, sealMemory } from '../../program/memory-model.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { BackendName } from '../backend.ts';

export interface MemoryPlan {
  readonly workers: number;
  /** Per worker. */
  readonly heapBytes: number;
  /** Of it, what encoded plaintexts may keep between evaluations. */
  readonly plaintextCacheBytes: number;
  /** Whether there is room for encoders of single levels. */
  readonly levelEncoders: boolean;
}

/** @throws BackendError MEMORY_EXCEEDED if not even one worker fits */
export function planMemory(
  { program, parameters }: { readonly program: Program; readonly parameters: CkksParameters },
  backend: BackendName,
  threads: number,
  maxBytes: number,
): MemoryPlan {
  if (backend === 'cleartext')
    return { workers: threads, heapBytes: maxBytes, plaintextCacheBytes: 0, levelEncoders: false };
  const need = sealMemory(program, parameters);
  const fitting = Math.floor(maxBytes / need.totalPerWorker);
  if (fitting < 1 || need.totalPerWorker > SEAL_HEAP_BYTES) {
    const limit = Math.min(maxBytes, SEAL_HEAP_BYTES);
    throw new BackendError(
      'MEMORY_EXCEEDED',
      `one worker needs ${mebibytes(need.totalPerWorker)} (keys ${mebibytes(need.keyBytes)}, ciphertexts ` +
        `${mebibytes(need.ciphertextBytes)}, context ${mebibytes(need.contextBytes)}), but only ${mebibytes(limit)} are allowed`,
      { hint: 'compile with a smaller --max-key-mb, or allow more memory' },
    );
  }
  const workers = Math.max(1, Math.min(threads, fitting));
  const heapBytes = Math.min(SEAL_HEAP_BYTES, Math.floor(maxBytes / workers));
  const spare = heapBytes - need.totalPerWorker;
  // Keeping plaintexts saves more than encoding them faster, unless there is room for both.
  const encoderBytes = sealLevelEncoderBytes(parameters);
  const levelEncoders = spare - encoderBytes >= spare / 2;
  const room = (spare - (levelEncoders ? encoderBytes : 0)) * 0.9;
  return {
    workers,
    heapBytes,
    plaintextCacheBytes: Math.max(0, Math.min(room, need.plaintextBytes)),
    levelEncoders,
  };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
