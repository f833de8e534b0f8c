/** Keys and memory of a program of which only the outline is known: the sums of `memory-model.ts` over typical parts. */
import { refreshKeyNeeds } from '../../program/key-needs.ts';
import { addUpNative, nativeKeys, nativePlaintextRoom } from '../../program/native-memory.ts';
import {
  addUpSeal,
  SEAL_HEAP_BYTES,
  sealCiphertextBytes,
  sealProcessBytes,
} from '../../program/memory-model.ts';
import { digitsAt } from '../../program/parameters.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { CompileOptions } from '../options.ts';
import { refreshOf, type CostModel } from './cost-model.ts';

/** One value and what makes it. */
export interface NodeMemory {
  /** At which it is computed. */
  readonly level: number;
  readonly ciphertexts: number;
  /** Of ciphertexts, one after another. */
  readonly products: number;
  readonly babies: number;
  readonly giants: number;
  readonly diagonals: number;
  /** Of its matrices, not zero. */
  readonly entries: number;
}

export interface Outline {
  readonly nodes: readonly NodeMemory[];
  /** Besides those that refreshes bring along. */
  readonly rotationKeys: number;
  readonly refreshes?: boolean;
  /** Values of the largest size that are alive at a time; by default what is read, what is made, and what a branch keeps. */
  readonly liveValues?: number;
}

export interface RoughMemory {
  /** Galois and relinearization keys, in memory. */
  readonly keyBytes: number;
  /** What an evaluation takes, encoded plaintexts included as far as they fit. */
  readonly memoryBytes: number;
  /** Why a program of this size does not fit; null where it seems to. */
  readonly obstacle: string | null;
}

/** Giant steps that the native engine adds up together. */
const GIANTS_AT_A_TIME = 64;

/** Rotations are composed of fewer steps where memory asks for it, down to so many keys. */
const FEWEST_ROTATION_KEYS = 3;

/** A float64 and where it is. */
const SPARSE_BYTES = 12;

type Limits = Pick<CompileOptions, 'backend' | 'maxMemoryMb' | 'optimize'>;

export function roughMemory(
  outline: Outline,
  cost: CostModel,
  chain: CkksParameters,
  options: Limits,
): RoughMemory {
  for (let rotationKeys = outline.rotationKeys; ; rotationKeys--) {
    const rough = memoryWith({ ...outline, rotationKeys }, cost, chain, options);
    if (rough.obstacle === null || rotationKeys <= FEWEST_ROTATION_KEYS) return rough;
  }
}

/** The least that a program of some depth can be. */
export interface Least {
  readonly depth: number;
  /** Of its largest value. */
  readonly ciphertexts: number;
  readonly rotates: boolean;
  readonly multiplies: boolean;
}

/** Why a chain leaves no room for it; null if it may. */
export function leastObstacle(
  { depth, ciphertexts, rotates, multiplies }: Least,
  cost: CostModel,
  chain: CkksParameters,
  options: Limits,
): string | null {
  const products = multiplies ? 1 : 0;
  const node = { level: depth, ciphertexts, products, babies: 0, giants: 0, diagonals: 0, entries: 0 };
  const rotationKeys = rotates ? FEWEST_ROTATION_KEYS : 0;
  return memoryWith({ nodes: [node], rotationKeys, liveValues: 1 }, cost, chain, options).obstacle;
}

function memoryWith(
  { nodes, rotationKeys, refreshes = false, liveValues = 3 }: Outline,
  cost: CostModel,
  chain: CkksParameters,
  options: Limits,
): RoughMemory {
  const limit = options.maxMemoryMb * 2 ** 20;
  const top = Math.max(0, ...nodes.map(({ level }) => level));
  const relinearized = nodes.filter(({ products }) => products > 0);
  const diagonalBytes = nodes.reduce(
    (sum, { level, diagonals }) => sum + diagonals * cost.linear(level).diagonalBytes,
    0,
  );
  const plaintextBytes = options.optimize === 'memory' ? 0 : diagonalBytes;
  // Diagonals that are mostly empty name the slots that are not.
  const slotVectorBytes = nodes.reduce(
    (sum, { diagonals, entries }) => sum + Math.min(8 * diagonals * cost.slotCount, SPARSE_BYTES * entries),
    0,
  );
  const byLevel = (of: (node: NodeMemory) => number): Map<number, number> => {
    const most = new Map<number, number>();
    for (const node of nodes) most.set(node.level, Math.max(most.get(node.level) ?? 0, of(node)));
    return most;
  };

  if (options.backend === 'seal') {
    const keys = rotationKeys + (relinearized.length > 0 ? 1 : 0);
    // Pools of each level keep what they once had.
    const live = byLevel(
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
      keyBytes: keys * cost.keyBytes(top),
      memoryBytes: sealProcessBytes(memory, memory.plaintextBytes, limit),
      obstacle:
        memory.totalPerWorker <= room
          ? null
          : `node-seal needs about ${mib(memory.totalPerWorker)} in one WASM heap, ${mib(room)} are there`,
    };
  }
  const limb = chain.polyModulusDegree * 8;
  // Keys are held at the levels that they are used at: half of the chain's, on average.
  const keys = [
    ...Array<number>(rotationKeys).fill(cost.keyBytes(Math.ceil((top + 1) / 2))),
    ...(refreshes
      ? nativeKeys(refreshKeyNeeds(chain), chain)
      : relinearized.length > 0
        ? [cost.keyBytes(Math.max(...relinearized.map(({ level }) => level)))]
        : []),
  ];
  const values = byLevel(({ ciphertexts, level }) => 2 * ciphertexts * (level + 1));
  const work = byLevel(({ ciphertexts, level, products, babies, giants }) => {
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
    },
    chain,
  );
  const room = nativePlaintextRoom(memory, limit);
  return {
    keyBytes: memory.keyBytes,
    memoryBytes: memory.total + Math.min(room, memory.plaintextBytes),
    obstacle:
      memory.total <= limit
        ? null
        : `the native engine needs about ${mib(memory.total)} of memory, ${mib(limit)} are allowed`,
  };
}

function mib(bytes: number): string {
  return `${Math.max(0, Math.ceil(bytes / 2 ** 20))} MiB`;
}
