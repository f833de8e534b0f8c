/** What programs are planned for: all that the compiler has to know of a backend. One file a target; `registry.ts` lists them. */
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import type { Backend, CompileOptions } from '../options.ts';
import type { ParameterDemand } from '../passes/chain-demand.ts';
import type { NativeProfile } from '../profile/native-profile.ts';
import type { Outline, RoughMemory } from './outline.ts';

export interface Target {
  readonly name: Backend;
  /** As sentences name it. */
  readonly title: string;
  /** False where programs are only verified in the clear: under placeholders (`clear-parameters.ts`), and memory refuses none. */
  readonly encrypts: boolean;
  /** Whether it computes on integers, too (BFV). */
  readonly integers: boolean;
  /** Whether its costs follow from a profile, so that programs are planned for one machine. */
  readonly profiled: boolean;
  /** Largest ring degree that it takes, whatever security tables go up to. */
  readonly largestRing: number;
  /** Levels of a refresh (bootstrap); null where it has none. */
  readonly refresh: RefreshLevels | null;
  /** What all memory of an evaluation has to be in, beyond --max-memory-mb; null where nothing else bounds it. */
  readonly heap: Heap | null;
  /** Chains of the ring degree that may do for a demand, all of its length; none where it has none. */
  chains(polyModulusDegree: number, demand: ParameterDemand): CkksParameters[];
  /** Milliseconds of operations on one core, and bytes of keys and diagonals in memory, under a chain. */
  costs(parameters: CkksParameters, profile: NativeProfile): CostModel;
  /** What a program takes of memory, keys included, and what that leaves. */
  memory(program: Program, parameters: CkksParameters, limits: Limits): MemoryLimits;
  /**
   * The same of a program of which only the outline is known, with all rotation keys that it names.
   * @param cost of the operations under the chain
   */
  roughMemory(outline: Outline, cost: CostModel, chain: CkksParameters, limits: Limits): RoughMemory;
}

/** Programs optimised for memory keep no plaintexts: these are encoded when they are used. */
export type Limits = Pick<CompileOptions, 'maxMemoryMb' | 'optimize'>;

/** From the bottom of a chain to its top: `down` levels, what refreshes give, `top` levels. */
export interface RefreshLevels {
  /** At which slots become coefficients: a refresh takes its source there. */
  readonly down: number;
  /** Above the level that refreshes give, for what they are made of. */
  readonly top: number;
  /** The highest level that they can give under any chain. */
  readonly most: number;
}

export interface Heap {
  readonly bytes: number;
  /** As sentences name it. */
  readonly title: string;
}

/** Whether a backend can hold a program, and how much room is left for keys and for encoded plaintexts. */
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
