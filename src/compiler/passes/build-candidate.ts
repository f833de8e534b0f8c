/** One composition under one chain: packed, scaled, forecast, and held against the memory there is. */
import { CompileError } from '../../errors.ts';
import { galoisKeyBytes } from '../../program/key-bytes.ts';
import { refreshKeyNeeds } from '../../program/key-needs.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import { galoisKeyMs, keyCost } from '../analysis/key-price.ts';
import { predictLatency } from '../analysis/latency.ts';
import type { NoiseForecast } from '../analysis/noise.ts';
import { findOverflow, type Overflow } from '../analysis/overflow.ts';
import { forecastOnSamples } from '../analysis/sampled-noise.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { PackedProgram } from '../ir/packed-program.ts';
import type { TransformPlanner } from '../linear/transform.ts';
import type { CompileOptions } from '../options.ts';
import { targetOf } from '../targets/registry.ts';
import { packProgram } from './emit-packed.ts';
import { manageScales } from './manage-scales.ts';
import { packBatch } from './pack-batch.ts';
import type { HeldKeys } from './select-rotations.ts';

/** Told of each pass's result; returns it. */
export type PassHook = <T>(name: string, result: T) => T;

/** Values of all graph inputs, per calibration sample. */
export type Samples = readonly (readonly Float64Array[])[];

export interface SelectedProgram {
  readonly linear: LeveledGraph;
  readonly packed: PackedProgram;
  readonly program: Program;
  readonly parameters: CkksParameters;
  readonly noise: NoiseForecast;
}

export interface Candidate extends SelectedProgram {
  /** Predicted milliseconds on one core. */
  readonly latency: number;
  /** The latency and what keys cost an inference: what programs are compared by. */
  readonly cost: number;
  /** Forecast memory of an evaluation that keeps no plaintexts. */
  readonly leastBytes: number;
  /** Forecast precision of the worst output. */
  readonly bits: number;
  /** Why the backend cannot hold the program; null if it can. */
  readonly obstacle: string | null;
  /** What does not fit the moduli of the chain; null if everything does. */
  readonly overflow: Overflow | null;
}

export interface BuildContext {
  readonly samples: Samples;
  readonly options: CompileOptions;
  readonly pass: PassHook;
}

/** Where memory is what counts, getting rid of a key is worth so many times the latency that it is worth otherwise. */
const MEMORY_KEY_WORTH = 10;
const MIB = 2 ** 20;

/** Rotation keys for the cost model of `parameters`, as few as memory asks for. */
export function buildCandidate(
  linear: LeveledGraph,
  parameters: CkksParameters,
  planner: TransformPlanner,
  context: BuildContext,
): Candidate {
  const { options, pass } = context;
  const plain = targetOf(options.backend).costs(parameters, options.profile);
  const cost: CostModel =
    options.optimize === 'memory'
      ? { ...plain, keyWorth: (bytes) => MEMORY_KEY_WORTH * plain.keyWorth(bytes) }
      : plain;
  const held = heldKeys(linear, parameters, cost);
  const pack = (maxKeyBytes: number | null): { packed: PackedProgram; program: Program } => {
    const packed = pass(
      'pack-program',
      options.optimize === 'throughput'
        ? packBatch(linear, cost.slotCount, options.batch)
        : packProgram(linear, cost, {
            maxKeyBytes,
            ...(held === undefined ? {} : { held }),
            planner,
            keyMs: (level) => galoisKeyMs(parameters, level, options),
          }),
    );
    return { packed, program: pass('manage-scales', manageScales(packed, parameters)) };
  };
  const asked = keyBudget(options);
  let { packed, program } = pack(asked);
  const limits = targetOf(options.backend).memory(program, parameters, options);
  if (limits.obstacle !== null) {
    // Rotations can be composed of fewer steps: slower, but perhaps it fits.
    const room = Math.min(limits.keyRoom, asked ?? limits.keyRoom);
    const tighter = withinKeys(() => pack(room));
    if (tighter !== null) ({ packed, program } = tighter);
  }
  return judgeCandidate({ linear, packed, program, parameters }, cost, context);
}

/** What refreshes rotate by is there for linear maps too. */
function heldKeys(
  { nodes }: LeveledGraph,
  parameters: CkksParameters,
  cost: CostModel,
): HeldKeys | undefined {
  if (!nodes.some(({ kind }) => kind === 'refresh')) return undefined;
  const { rotationKeys, refreshKeys } = refreshKeyNeeds(parameters);
  const levels = new Map<number, number>();
  for (const { step, level } of rotationKeys) levels.set(step, Math.max(levels.get(step) ?? 0, level));
  const distinct = [...levels].map(([step, level]) => ({ step, level }));
  const keys = galoisKeyBytes({ rotationKeys: distinct, refreshKeys }, parameters, cost);
  return { levels, bytes: sum(keys) };
}

function keyBudget({ maxKeyMb }: CompileOptions): number | null {
  return maxKeyMb === null ? null : maxKeyMb * MIB;
}

/** The same instructions under another chain of the same length. */
export function underChain(
  { linear, packed }: Pick<SelectedProgram, 'linear' | 'packed'>,
  parameters: CkksParameters,
  context: BuildContext,
): Candidate {
  const { options } = context;
  const program = manageScales(packed, parameters);
  const cost = targetOf(options.backend).costs(parameters, options.profile);
  return judgeCandidate({ linear, packed, program, parameters }, cost, context);
}

/** What an inference costs: see `Candidate.cost`. */
export function costOf(
  program: Program,
  parameters: CkksParameters,
  cost: CostModel,
  options: CompileOptions,
): number {
  return (
    latencyOf(program, parameters, cost, options) +
    keyCost(program, parameters, options).countedMsPerInference
  );
}

/** Predicted milliseconds with as many plaintexts encoded ahead as memory allows. */
export function latencyOf(
  program: Program,
  parameters: CkksParameters,
  cost: CostModel,
  options: CompileOptions,
): number {
  const { plaintextRoom } = targetOf(options.backend).memory(program, parameters, options);
  return sum(predictLatency(program, cost, plaintextRoom));
}

function judgeCandidate(
  selected: Omit<SelectedProgram, 'noise'>,
  cost: CostModel,
  { samples, options }: BuildContext,
): Candidate {
  const { program, parameters, linear, packed } = selected;
  const layouts = packed.values.map(({ layout }) => layout);
  const noise = forecastOnSamples(program, parameters, linear, layouts, samples);
  const { obstacle, leastBytes } = targetOf(options.backend).memory(program, parameters, options);
  return {
    ...selected,
    noise,
    latency: latencyOf(program, parameters, cost, options),
    cost: costOf(program, parameters, cost, options),
    bits: Math.min(...noise.outputs.map(({ precisionBits }) => precisionBits)),
    obstacle: obstacle ?? keyObstacle(program, parameters, cost, options),
    overflow: findOverflow(program, parameters, noise.std),
    leastBytes,
  };
}

/** A program planned for another chain may have had smaller keys there. */
function keyObstacle(
  program: Program,
  parameters: CkksParameters,
  cost: CostModel,
  options: CompileOptions,
): string | null {
  const budget = keyBudget(options);
  const keys = galoisKeyBytes(program, parameters, cost);
  const bytes = sum(keys);
  if (budget === null || bytes <= budget) return null;
  return `${keys.length} Galois keys take ${Math.ceil(bytes / MIB)} MiB, ${options.maxKeyMb} are allowed`;
}

/**
 * Null where the budget holds no set of keys from which all rotations can be composed.
 * @param refused hears why
 */
export function withinKeys<T>(build: () => T, refused?: (error: CompileError) => void): T | null {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof CompileError && error.code === 'KEY_BUDGET_TOO_SMALL')) throw error;
    refused?.(error);
    return null;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
