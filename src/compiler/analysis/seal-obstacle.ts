/** Whether node-seal can evaluate a program at all: its WASM heap holds 4 GiB, and a full heap hangs. */
import {
  POOL_OVERHEAD,
  SEAL_HEAP_BYTES,
  sealKeyBytes,
  sealKeyFileBytes,
  sealMemory,
} from '../../program/memory-model.ts';
import { isSealShaped } from '../../program/parameters.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';

const MIB = 2 ** 20;
/** Where node-seal's security tables end. */
export const LARGEST_SEAL_RING = 32768;

/** Bytes that Galois keys may take so that one worker holds the program; may be negative. */
export function sealKeyRoom(program: Program, parameters: CkksParameters, maxMemoryMb: number): number {
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
