/**
 * Second stage: a TensorGraph in which every operator is linear in the encrypted tensors, a "Polynomial", or a product
 * of two encrypted tensors. Comes with what was decided about each activation, and the calibrated ranges.
 */
import type { TensorGraph } from './tensor-graph.ts';

/** Statistics of one tensor over the calibration inputs. */
export interface RangeStatistics {
  readonly tensor: string;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly standardDeviation: number;
  /** Counts over 64 equal bins between min and max. */
  readonly histogram: readonly number[];
}

/** One approximated activation, for reports. */
export interface ApproximationReport {
  /** Node of the original graph. */
  readonly node: string;
  /** "Relu", "Clip", "Relu+MaxPool", … */
  readonly activation: string;
  readonly method: 'exact' | 'least-squares' | 'composite-sign' | 'polynomial-pooling';
  readonly degree: number;
  readonly depth: number;
  readonly channels: number;
  /** Root mean square and largest |polynomial − activation| over the held-out calibration inputs, this layer alone. */
  readonly rmsError: number;
  readonly maxError: number;
  /** Root mean square of the activation's own output, to judge the errors by. */
  readonly rmsOutput: number;
  /** Range over which the polynomial was fitted (widest channel), and what was seen. */
  readonly range: readonly [number, number];
  readonly seen: readonly [number, number];
  /** Fraction of held-out values outside their channel's fitted range, and of inputs with at least one such value. */
  readonly escapeRate: number;
  readonly inputsWithEscapes: number;
}

/** How the whole polynomial model compares with the original on held-out calibration inputs. */
export interface ApproximationQuality {
  readonly samples: number;
  /** Labels were available (fractions correct), else null. */
  readonly originalAccuracy: number | null;
  readonly polynomialAccuracy: number | null;
  /** Fraction with the same arg max, null if the output is not class scores. */
  readonly agreement: number | null;
  readonly rmsOutputError: number;
  readonly maxOutputError: number;
  readonly rmsOutput: number;
}

export interface PolynomialGraph {
  readonly graph: TensorGraph;
  readonly approximations: readonly ApproximationReport[];
  readonly quality: ApproximationQuality;
  /** Calibrated statistics of every tensor of `graph` that the later stages may need bounds for. */
  readonly ranges: ReadonlyMap<string, RangeStatistics>;
  readonly warnings: readonly string[];
}
