/** Every option of the compiler with its default: the one place. */
import type { SecurityLevel } from '../program/parameters.ts';
import type { Preprocessing } from '../program/signature.ts';
import type { ConstantTensor } from './ir/tensor-graph.ts';
import { DEFAULT_NATIVE_PROFILE } from './profile/default-profile.ts';
import type { NativeProfile } from './profile/native-profile.ts';

/** Calibration or evaluation inputs: already preprocessed, one Float32Array per graph input and sample. */
export interface Dataset {
  readonly description: string;
  readonly size: number;
  /** Values of graph input `input` (its index) for sample `index`, row-major, preprocessed. */
  sample(index: number, input: number): Float32Array;
  /** Class index, or null if there are no labels. */
  label(index: number): number | null;
  /** Which sample of the data this is, where some are left out; without it, the one of this index. */
  origin?(index: number): number;
  /** Whether an input's values are bytes put through the preprocessing: then other inputs may hold any byte. */
  isPixels?(input: number): boolean;
}

export type ActivationChoice =
  /** With `ratio`, of what a refresh makes of its argument: the compiler's choice, see `place-refreshes`. */
  | { readonly kind: 'degree'; readonly degree: number; readonly ratio?: number }
  | { readonly kind: 'square' }
  | { readonly kind: 'relu-composite'; readonly alpha: number }
  /** The least depth that keeps so many bits of the activation's own range over the calibrated range. */
  | { readonly kind: 'precision'; readonly bits: number };

/**
 * What programs are planned for: `targets/` says what each can do. 'cleartext' compiles for verification only: the artifact has no
 * security and no encrypting backend will run it.
 */
export type Backend = 'seal' | 'native' | 'cleartext';

/** 'bfv': exact integers, for models whose activations are squares. */
export type CompileScheme = 'ckks' | 'bfv';

export interface CompileOptions {
  readonly scheme: CompileScheme;
  /** BFV only: bits of quantised inputs and weights; null lets accuracy decide. */
  readonly inputBits: number | null;
  readonly weightBits: number | null;
  readonly backend: Backend;
  readonly security: SecurityLevel;
  /**
   * 'balanced': an evaluation and what its keys cost. 'latency': the evaluation, whatever keys cost. 'throughput': full batches.
   * 'memory': the smallest program that is precise enough.
   */
  readonly optimize: 'balanced' | 'latency' | 'throughput' | 'memory';
  readonly batch: number;
  /** Bits of precision asked for at the worst output, relative to what outputs typically reach. */
  readonly precision: number;
  /**
   * 'auto': values are refreshed (bootstrapped) where no chain is long enough without, or that is dearer. 'never': such models are
   * refused. 'everywhere': before every activation that can have one, so that no value beyond its range runs away.
   */
  readonly refresh: 'auto' | 'never' | 'everywhere';
  /** Whether approximation is held against them, too, where an accuracy is known: where somebody asked for bits. */
  readonly holdPrecision: boolean;
  /**
   * Percentage points of accuracy (of arg-max agreement, without labels) that approximation may cost: what the upper end of the
   * drop's 95 % interval is held against.
   */
  readonly maxAccuracyDrop: number;
  /**
   * The same for outputs that are no class scores, in percent: of a map's decisions that may change, or the error against the
   * outputs' standard deviation. Null: `OUTPUT_ERROR_LIMITS`.
   */
  readonly maxOutputError: number | null;
  readonly maxKeyMb: number | null;
  /** What keys cost: megabits per second at which they are sent, and inferences that a set of them serves. */
  readonly keyBandwidth: number;
  readonly inferencesPerKeys: number;
  readonly maxMemoryMb: number;
  /** By node name, or "*" for every activation. */
  readonly activations: ReadonlyMap<string, ActivationChoice>;
  readonly bind: ReadonlyMap<string, ConstantTensor>;
  readonly dimensions: ReadonlyMap<string, number>;
  readonly preprocessing: Preprocessing;
  readonly labels: readonly string[];
  readonly calibration: Dataset | null;
  /** Calibration samples used at most (fitting and held-out together); beyond 6000 they only judge, and 8000 at most. */
  readonly samples: number;
  readonly seed: number;
  /** What the native engine costs, where programs are planned for it. */
  readonly profile: NativeProfile;
}

/** Percent, by what a model's outputs are (see `maxOutputError`). */
export const OUTPUT_ERROR_LIMITS = { decisions: 3, values: 5 } as const;

export const DEFAULT_OPTIONS: CompileOptions = {
  scheme: 'ckks',
  inputBits: null,
  weightBits: null,
  backend: 'seal',
  security: 128,
  optimize: 'balanced',
  batch: 1,
  precision: 8,
  refresh: 'auto',
  holdPrecision: false,
  maxAccuracyDrop: 0.5,
  maxOutputError: null,
  maxKeyMb: null,
  // An ordinary line: seconds for the keys of a small model, half a minute for a large one's.
  keyBandwidth: 100,
  // A client that asks a few times a day for as long as its keys last.
  inferencesPerKeys: 1000,
  maxMemoryMb: 6144,
  activations: new Map(),
  bind: new Map(),
  dimensions: new Map(),
  preprocessing: { pixelScale: 1 / 255, mean: [0], std: [1] },
  labels: [],
  calibration: null,
  samples: 14_000,
  seed: 0,
  profile: DEFAULT_NATIVE_PROFILE,
};

/** Progress and cancellation, passed down every long-running call. */
export interface Progress {
  /** `fraction` in 0 … 1 of the stage named. */
  report(stage: string, fraction: number): void;
  readonly signal: AbortSignal | undefined;
}

export const SILENT: Progress = { report: () => undefined, signal: undefined };
