/** Keys and memory of a program of which only the outline is known: the sums of `memory-model.ts` over typical parts. */
import type { CkksParameters } from '../../program/security.ts';
import type { CompileOptions } from '../options.ts';
import type { Outline, RoughMemory } from '../targets/outline.ts';
import { targetOf } from '../targets/registry.ts';
import type { CostModel } from './cost-model.ts';

/** Rotations are composed of fewer steps where memory asks for it, down to so many keys. */
const FEWEST_ROTATION_KEYS = 3;

type Limits = Pick<CompileOptions, 'backend' | 'maxMemoryMb' | 'optimize'>;

export function roughMemory(
  outline: Outline,
  cost: CostModel,
  chain: CkksParameters,
  options: Limits,
): RoughMemory {
  const target = targetOf(options.backend);
  for (let rotationKeys = outline.rotationKeys; ; rotationKeys--) {
    const rough = target.roughMemory({ ...outline, rotationKeys }, cost, chain, options);
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
  const outline = { nodes: [node], rotationKeys, liveValues: 1 };
  return targetOf(options.backend).roughMemory(outline, cost, chain, options).obstacle;
}
