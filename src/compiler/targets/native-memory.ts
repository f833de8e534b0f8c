/** What the native engine takes of memory: of a program, and of one of which only the outline is known. */
import { refreshKeyNeeds } from '../../program/key-needs.ts';
import { nativeKey, nativeKeys, type KeyBytes } from '../../program/native-keys.ts';
import { addUpNative, nativeMemory, nativePlaintextRoom } from '../../program/native-memory.ts';
import { digitsAt, isSealShaped } from '../../program/parameters.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { refreshOf, type CostModel } from '../analysis/cost-model.ts';
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

export function nativeLimits(program: Program, parameters: CkksParameters, options: Limits): MemoryLimits {
  const limit = options.maxMemoryMb * MIB;
  const memory = nativeMemory(program, parameters);
  const { relinearizationLevel } = program;
  const others = nativeKeys({ rotationKeys: [], relinearizationLevel }, parameters);
  const plaintextRoom = options.optimize === 'memory' ? 0 : nativePlaintextRoom(memory, limit);
  return {
    obstacle: memory.total <= limit ? null : nativeObstacle(program, parameters, limit),
    keyRoom: limit - (memory.total - memory.keyBytes) - others.reduce((sum, { held }) => sum + held, 0),
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

/** With all rotation keys that the outline names. */
export function roughNativeMemory(
  outline: Outline,
  cost: CostModel,
  chain: CkksParameters,
  options: Limits,
): RoughMemory {
  const { nodes, rotationKeys, refreshes = false, liveValues = LIVE_VALUES } = outline;
  const limit = options.maxMemoryMb * MIB;
  const relinearized = nodes.filter(({ products }) => products > 0).map(({ level }) => level);
  const { plaintextBytes, slotVectorBytes } = diagonalMemory(outline, cost, options);
  const limb = chain.polyModulusDegree * 8;
  // Keys are held at the levels that they are used at: half of the chain's, on average. Those of SEAL's shape cover all of it.
  const keyAt = (level: number): KeyBytes =>
    nativeKey(chain, isSealShaped(chain) ? Math.max(level, chain.dataPrimes.length - 1) : level);
  const keys = [
    ...Array<KeyBytes>(rotationKeys).fill(keyAt(Math.ceil((topLevel(outline) + 1) / 2))),
    ...(refreshes
      ? nativeKeys(refreshKeyNeeds(chain), chain)
      : relinearized.length > 0
        ? [keyAt(Math.max(...relinearized))]
        : []),
  ];
  const values = mostByLevel(outline, ({ ciphertexts, level }) => 2 * ciphertexts * (level + 1));
  const work = mostByLevel(outline, ({ ciphertexts, level, products, babies, giants }) => {
    const extended = level + 1 + chain.specialPrimes.length;
    const digits = digitsAt(chain, level);
    const sums = Math.min(giants, GIANTS_AT_A_TIME) + ciphertexts + digits + 3;
    return ciphertexts * (level + 1 + digits) + sums * extended + 4 * babies + 6 * products * (level + 1);
  });
  const memory = addUpNative(
    {
      keys,
      ciphertextBytes: liveValues * limb * Math.max(0, ...values.values()),
      workspaceBytes: limb * Math.max(0, ...work.values()),
      slotVectorBytes,
      plaintextBytes: plaintextBytes + (refreshes ? refreshOf(cost).diagonalBytes : 0),
      unshrinkableBytes: 0,
    },
    chain,
  );
  const room = nativePlaintextRoom(memory, limit);
  return {
    keyBytes: memory.keyBytes,
    memoryBytes: Math.max(memory.total, memory.evaluationBytes + Math.min(room, memory.plaintextBytes)),
    obstacle:
      memory.total <= limit
        ? null
        : `the native engine needs about ${mib(memory.total)} of memory, ${mib(limit)} are allowed`,
  };
}
