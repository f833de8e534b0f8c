/** A program of which only the outline is known, and what targets add up of its memory alike. */
import type { CostModel } from '../analysis/cost-model.ts';
import type { CompileOptions } from '../options.ts';

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

/** Giant steps that are added up together. */
export const GIANTS_AT_A_TIME = 64;

/** Values of the largest size that are alive at a time, where the outline does not say. */
export const LIVE_VALUES = 3;

/** A float64 and where it is. */
const SPARSE_BYTES = 12;

/** Bytes of all diagonals: encoded, and as the program holds them. */
export function diagonalMemory(
  { nodes }: Outline,
  cost: CostModel,
  { optimize }: Pick<CompileOptions, 'optimize'>,
): { readonly plaintextBytes: number; readonly slotVectorBytes: number } {
  const encoded = nodes.reduce(
    (sum, { level, diagonals }) => sum + diagonals * cost.linear(level).diagonalBytes,
    0,
  );
  // Diagonals that are mostly empty name the slots that are not.
  const slotVectorBytes = nodes.reduce(
    (sum, { diagonals, entries }) => sum + Math.min(8 * diagonals * cost.slotCount, SPARSE_BYTES * entries),
    0,
  );
  return { plaintextBytes: optimize === 'memory' ? 0 : encoded, slotVectorBytes };
}

/** The most of something that a node of each level has. */
export function mostByLevel({ nodes }: Outline, of: (node: NodeMemory) => number): Map<number, number> {
  const most = new Map<number, number>();
  for (const node of nodes) most.set(node.level, Math.max(most.get(node.level) ?? 0, of(node)));
  return most;
}

/** Level of the highest node. */
export function topLevel({ nodes }: Outline): number {
  return Math.max(0, ...nodes.map(({ level }) => level));
}

export function mib(bytes: number): string {
  return `${Math.max(0, Math.ceil(bytes / 2 ** 20))} MiB`;
}
