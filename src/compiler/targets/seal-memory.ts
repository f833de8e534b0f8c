/** What node-seal takes of memory, and whether it can evaluate a program at all: its WASM heap holds 4 GiB, and a full heap hangs. */
import {
  POOL_OVERHEAD,
  SEAL_HEAP_BYTES,
  addUpSeal,
  sealCiphertextBytes,
  sealKeyBytes,
  sealKeyFileBytes,
  sealMemory,
  sealProcessBytes,
} from '../../program/memory-model.ts';
import { isSealShaped } from '../../program/parameters.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import {
  GIANTS_AT_A_TIME,
  LIVE_VALUES,
  diagonalMemory,
  mib,
  mostByLevel,
  topLevel,
  type Outline,
  type RoughMemory,
} from './outline.ts';
import type { Limits, MemoryLimits } from './target.ts';

const MIB = 2 ** 20;
/** Where node-seal's security tables end. */
export const LARGEST_SEAL_RING = 32768;

export function sealLimits(
  program: Program,
  parameters: CkksParameters,
  { maxMemoryMb, optimize }: Limits,
): MemoryLimits {
  const memory = sealMemory(program, parameters);
  const plaintextBytes = optimize === 'memory' ? 0 : memory.plaintextBytes;
  const leastBytes = memory.processBytes + memory.totalPerWorker;
  return {
    obstacle: sealObstacle(program, parameters, maxMemoryMb),
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

/** Bytes that Galois keys may take so that one worker holds the program; may be negative. */
function sealKeyRoom(program: Program, parameters: CkksParameters, maxMemoryMb: number): number {
  const memory = sealMemory(program, parameters);
  const key = sealKeyBytes(parameters);
  const file = sealKeyFileBytes(parameters);
  const keys = program.rotationKeys.length + (program.relinearizationLevel === null ? 0 : 1);
  const inHeap = memory.totalPerWorker - memory.keyBytes;
  const outside = memory.processBytes - keys * file;
  // Every key lies in the heap, and as a file beside it.
  const room = Math.min(
    (SEAL_HEAP_BYTES - inHeap) / POOL_OVERHEAD,
    (maxMemoryMb * MIB - inHeap - outside) / (POOL_OVERHEAD + file / key),
  );
  return room - (program.relinearizationLevel === null ? 0 : key);
}

/** Null if one worker can hold the program within `maxMemoryMb`; else why not, with the numbers. */
export function sealObstacle(
  program: Program,
  parameters: CkksParameters,
  maxMemoryMb: number,
): string | null {
  if (parameters.scheme === 'cleartext') return 'compiled for verification in the clear only';
  const { specialPrimes, dnum, polyModulusDegree } = parameters;
  if (parameters.refresh !== undefined) return 'node-seal has no refresh (bootstrap)';
  if (!isSealShaped(parameters)) {
    return `node-seal switches keys with one digit per prime and one special prime; these parameters have ${dnum} digits and ${specialPrimes.length} special primes`;
  }
  if (polyModulusDegree > LARGEST_SEAL_RING)
    return `node-seal's security tables end at N = ${LARGEST_SEAL_RING}; these parameters have N = ${polyModulusDegree}`;
  const memory = sealMemory(program, parameters);
  const limit = Math.min(SEAL_HEAP_BYTES, maxMemoryMb * MIB - memory.processBytes);
  if (memory.totalPerWorker <= limit) return null;
  const mb = (bytes: number): string => `${Math.ceil(bytes / MIB)} MiB`;
  const room =
    limit === SEAL_HEAP_BYTES
      ? `, ${mb(limit)} are there`
      : ` and ${mb(memory.processBytes)} around it, ${maxMemoryMb} MiB are allowed`;
  return (
    `node-seal needs ${mb(memory.totalPerWorker)} in one WASM heap${room}: ` +
    `${program.rotationKeys.length} Galois keys and relinearization take ${mb(memory.keyBytes)}, ` +
    `ciphertexts ${mb(memory.ciphertextBytes)}, context ${mb(memory.contextBytes)} ` +
    `(N = ${parameters.polyModulusDegree}, ${parameters.dataPrimes.length + 1} primes)`
  );
}

/** With all rotation keys that the outline names. */
export function roughSealMemory(
  outline: Outline,
  cost: CostModel,
  chain: CkksParameters,
  options: Limits,
): RoughMemory {
  const { nodes, rotationKeys, liveValues = LIVE_VALUES } = outline;
  const limit = options.maxMemoryMb * MIB;
  const { plaintextBytes, slotVectorBytes } = diagonalMemory(outline, cost, options);
  const keys = rotationKeys + (nodes.some(({ products }) => products > 0) ? 1 : 0);
  // Pools of each level keep what they once had.
  const live = mostByLevel(
    outline,
    ({ ciphertexts, products, babies, giants }) =>
      liveValues * ciphertexts + babies + Math.min(giants, GIANTS_AT_A_TIME) + 2 * products + 3,
  );
  const ciphertextBytes = [...live].reduce(
    (sum, [level, count]) => sum + count * sealCiphertextBytes(chain, level),
    0,
  );
  const memory = addUpSeal({ keys, ciphertextBytes, plaintextBytes, slotVectorBytes }, chain);
  const room = Math.min(SEAL_HEAP_BYTES, limit - memory.processBytes);
  return {
    keyBytes: keys * cost.keyBytes(topLevel(outline)),
    memoryBytes: sealProcessBytes(memory, memory.plaintextBytes, limit),
    obstacle:
      memory.totalPerWorker <= room
        ? null
        : `node-seal needs about ${mib(memory.totalPerWorker)} in one WASM heap, ${mib(room)} are there`,
  };
}
