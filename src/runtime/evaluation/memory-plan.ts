/** How many workers fit into memory, and what each may use. */
import { availableParallelism } from 'node:os';
import { BackendError } from '../../errors.ts';
import { SEAL_HEAP_BYTES, sealLevelEncoderBytes, sealMemory } from '../../program/memory-model.ts';
import { nativeMemory, nativePlaintextRoom, nativePoolBytes } from '../../program/native-memory.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { BackendName } from '../backend.ts';
import { sealRefusal } from '../backends/seal/refusal.ts';

export interface MemoryPlan {
  readonly workers: number;
  /** Of the backend's own, inside each worker. */
  readonly threads: number;
  /** Per worker. */
  readonly memoryBytes: number;
  /** Of it, what encoded plaintexts may keep between evaluations. */
  readonly plaintextCacheBytes: number;
  /** Whether there is room for encoders of single levels. */
  readonly levelEncoders: boolean;
}

/** @throws BackendError MEMORY_EXCEEDED if not even one worker fits, PARAMETERS_UNSUPPORTED if the backend knows no such chain */
export function planMemory(
  { program, parameters }: { readonly program: Program; readonly parameters: CkksParameters },
  backend: BackendName,
  threads: number,
  maxBytes: number,
): MemoryPlan {
  if (backend === 'cleartext') {
    const memory = { memoryBytes: maxBytes, plaintextCacheBytes: 0, levelEncoders: false };
    return { workers: threads, threads: 1, ...memory };
  }
  if (backend === 'native') return planNative(program, parameters, threads, maxBytes);
  return planSeal(program, parameters, threads, maxBytes);
}

/** One worker with threads of its own: keys and plaintexts are there once, whatever the number of threads. */
function planNative(
  program: Program,
  parameters: CkksParameters,
  threads: number,
  maxBytes: number,
): MemoryPlan {
  const need = nativeMemory(program, parameters);
  if (need.total > maxBytes) throw tooLittle('the native engine', need, need.total, maxBytes);
  return {
    workers: 1,
    // More threads than processors would wait for each other at every step.
    threads: Math.max(1, Math.min(threads, availableParallelism())),
    memoryBytes: nativePoolBytes(need, maxBytes),
    // More than is needed does no harm: it is filled only as far as there are plaintexts.
    plaintextCacheBytes: nativePlaintextRoom(need, maxBytes),
    levelEncoders: false,
  };
}

/** Workers of one thread each, every one with its own copy of the keys. */
function planSeal(
  program: Program,
  parameters: CkksParameters,
  threads: number,
  maxBytes: number,
): MemoryPlan {
  const refusal = sealRefusal(parameters);
  if (refusal !== null)
    throw new BackendError('PARAMETERS_UNSUPPORTED', refusal, { hint: 'use --backend native' });
  const need = sealMemory(program, parameters);
  const heapsBytes = Math.max(0, maxBytes - need.processBytes);
  const fitting = Math.floor(heapsBytes / need.totalPerWorker);
  if (need.totalPerWorker > SEAL_HEAP_BYTES)
    throw tooLittle('one worker of node-seal', need, need.totalPerWorker, SEAL_HEAP_BYTES);
  if (fitting < 1) {
    const total = need.totalPerWorker + need.processBytes;
    throw tooLittle('one worker of node-seal with the process around it', need, total, maxBytes);
  }
  const workers = Math.max(1, Math.min(threads, fitting));
  const memoryBytes = Math.min(SEAL_HEAP_BYTES, Math.floor(heapsBytes / workers));
  const spare = memoryBytes - need.totalPerWorker;
  // Keeping plaintexts saves more than encoding them faster, unless there is room for both.
  const encoderBytes = sealLevelEncoderBytes(parameters);
  const levelEncoders = spare - encoderBytes >= spare / 2;
  const room = (spare - (levelEncoders ? encoderBytes : 0)) * 0.9;
  return {
    workers,
    threads: 1,
    memoryBytes,
    plaintextCacheBytes: Math.max(0, Math.min(room, need.plaintextBytes)),
    levelEncoders,
  };
}

function tooLittle(
  who: string,
  need: { readonly keyBytes: number; readonly ciphertextBytes: number; readonly contextBytes: number },
  total: number,
  limit: number,
): BackendError {
  return new BackendError(
    'MEMORY_EXCEEDED',
    `${who} needs ${mebibytes(total)} (keys ${mebibytes(need.keyBytes)}, ciphertexts ${mebibytes(need.ciphertextBytes)}, ` +
      `context ${mebibytes(need.contextBytes)}), but only ${mebibytes(limit)} are allowed`,
    {
      hint: 'compile with a smaller --max-key-mb, allow more memory, or use --backend native, which needs less',
    },
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
