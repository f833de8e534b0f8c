/** What a client needs to use an artifact: shapes, packing, preprocessing, labels, and nothing of the weights. */
import type { InputRange, OutputRange } from './certified-range.ts';
import type { Layout } from './layout.ts';
import type { RefreshKeys, RotationKey } from './program.ts';
import type { CkksParameters } from './security.ts';

/** x = (pixel · scale − mean[c]) / std[c], for images and data sets of bytes; axis 1 is the channel. */
export interface Preprocessing {
  readonly pixelScale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** An operator at the output that the client applies to the decrypted values. */
export interface ClientOperator {
  readonly op: 'Softmax' | 'LogSoftmax' | 'ArgMax' | 'Hardmax' | 'Sigmoid' | 'Identity';
  readonly node: string;
  readonly axis: number;
  /** ArgMax only. */
  readonly keepDims?: boolean;
}

/** How real values become integers, for exact schemes: min(max(round(x / scale), min), max). */
export interface InputQuantisation {
  readonly scale: number;
  readonly min: number;
  readonly max: number;
}

/** A decrypted integer times `scale` is the real value. */
export interface OutputQuantisation {
  readonly scale: number;
}

export interface SignatureInput {
  readonly name: string;
  readonly layout: Layout;
  readonly level: number;
  readonly scale: number;
  readonly preprocessing: Preprocessing;
  /** Slots hold values divided by it, a power of two; left out: 1. */
  readonly unit?: number;
  /** Exact schemes only. */
  readonly quantisation?: InputQuantisation;
  /** What the program was certified for: nothing else is encrypted unasked. Older artifacts do not say. */
  readonly range?: InputRange;
}

export interface SignatureOutput {
  readonly name: string;
  readonly layout: Layout;
  readonly level: number;
  readonly scale: number;
  /** Shape after the client operators. */
  readonly shape: readonly number[];
  readonly clientOperators: readonly ClientOperator[];
  /** Bits to which a decrypted value is certified (predicted), relative to the output range; results are rounded to it. */
  readonly precisionBits: number;
  /** Largest |value| expected. */
  readonly bound: number;
  /** Slots hold values divided by it, a power of two; left out: 1. */
  readonly unit?: number;
  /** Exact schemes only; such results carry no noise and are not rounded. */
  readonly quantisation?: OutputQuantisation;
  /** What the model can give: anything else is not shown. Older artifacts do not say. */
  readonly range?: OutputRange;
}

export interface Signature {
  readonly model: string;
  readonly parameters: CkksParameters;
  /** Galois keys to make, ascending by step, each for ciphertexts at its level or below. */
  readonly rotationKeys: readonly RotationKey[];
  /** Level of the relinearization key; null if none is needed. */
  readonly relinearizationLevel: number | null;
  /** Left out where nothing is refreshed. */
  readonly refreshKeys?: RefreshKeys;
  readonly inputs: readonly SignatureInput[];
  readonly outputs: readonly SignatureOutput[];
  readonly labels: readonly string[];
}
