/** Whether a backend can hold a program, and how much room is left for keys and for encoded plaintexts. */
import { nativeKeys, nativeMemory, nativePlaintextRoom } from '../../program/native-memory.ts';
import { sealMemory, sealProcessBytes } from '../../program/memory-model.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { CompileOptions } from '../options.ts';
import { sealKeyRoom, sealObstacle } from './seal-obstacle.ts';

const MIB = 2 ** 20;

export interface MemoryLimits {
  /** Why the program cannot be held, with numbers; null if it can. */
  readonly obstacle: string | null;
  /** Bytes that Galois keys, those of refreshes among them, may take so that it can be held; may be negative. */
  readonly keyRoom: number;
  /** Bytes in which plaintexts can be kept encoded. */
  readonly plaintextRoom: number;
  /** Forecast of an evaluation's memory, plaintexts included as far as they fit. */
  readonly peakBytes: number;
  /** What it cannot do without: all but the plaintexts. */
  readonly leastBytes: number;
}

/** Programs optimised for memory keep no plaintexts: these are encoded when they are used. */
type Limits = Pick<CompileOptions, 'backend' | 'maxMemoryMb' | 'optimize'>;

export function memoryLimits(program: Program, parameters: CkksParameters, options: Limits): MemoryLimits {
  if (parameters.scheme !== 'ckks' || options.backend !== 'native')
    return sealLimits(program, parameters, options);
  const limit = options.maxMemoryMb * MIB;
  const memory = nativeMemory(program, parameters);
  const { relinearizationLevel } = program;
  const others = nativeKeys({ rotationKeys: [], relinearizationLevel }, parameters);
  const plaintextRoom = options.optimize === 'memory' ? 0 : nativePlaintextRoom(memory, limit);
  return {
    obstacle: memory.total <= limit ? null : nativeObstacle(program, parameters, limit),
    keyRoom: limit - (memory.total - memory.keyBytes) - others.reduce((sum, bytes) => sum + bytes, 0),
    plaintextRoom,
    peakBytes: Math.max(
      memory.total,
      memory.evaluationBytes + Math.min(plaintextRoom, memory.plaintextBytes),
    ),
    leastBytes: memory.total,
  };
}

function nativeObstacle(program: Program, parameters: CkksParameters, limit: number): string {
  const memory = nativeMemory(program, parameters);
  const galoisKeys = nativeKeys({ ...program, relinearizationLevel: null }, parameters).length;
  const mb = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;
  const { polyModulusDegree, dataPrimes, specialPrimes, dnum } = parameters;
  return (
    `the native engine needs ${mb(memory.total)}, ${mb(limit)} are allowed: ` +
    `${galoisKeys} Galois keys and relinearization take ${mb(memory.keyBytes)}, ` +
    `values ${mb(memory.ciphertextBytes)}, work space ${mb(memory.workspaceBytes)}, ` +
    `engine and process ${mb(memory.contextBytes)} ` +
    `(N = ${polyModulusDegree}, ${dataPrimes.length} + ${specialPrimes.length} primes, ${dnum} digits)`
  );
}

function sealLimits(
  program: Program,
  parameters: CkksParameters,
  { backend, maxMemoryMb, optimize }: Limits,
): MemoryLimits {
  const memory = sealMemory(program, parameters);
  const plaintextBytes = optimize === 'memory' ? 0 : memory.plaintextBytes;
  const leastBytes = memory.processBytes + memory.totalPerWorker;
  return {
    obstacle: backend === 'seal' ? sealObstacle(program, parameters, maxMemoryMb) : null,
    keyRoom: sealKeyRoom(program, parameters, maxMemoryMb),
    // Its cost model counts no encoding: what does not fit is a small part.
    plaintextRoom: Infinity,
    // Encoded plaintexts are kept only as far as the heap goes.
    // Programs optimised for memory are run within what one worker needs.
    peakBytes: sealProcessBytes(
      memory,
      plaintextBytes,
      optimize === 'memory' ? leastBytes : maxMemoryMb * MIB,
    ),
    leastBytes,
  };
}
