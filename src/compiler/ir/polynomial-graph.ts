/**
 * Second stage: a TensorGraph in which every operator is linear in the encrypted tensors, a "Polynomial", or a product
 * of two encrypted tensors. Comes with what was decided about each activation, and the calibrated ranges.
 */
import type { ApproximationQuality, ApproximationSummary } from '../../program/artifact.ts';
import type { InputRange } from '../../program/certified-range.ts';
import type { TensorGraph } from './tensor-graph.ts';

/** Of one tensor over the calibration inputs. */
export interface TensorRange {
  readonly tensor: string;
  readonly min: number;
  readonly max: number;
}

/** One approximated activation, by one of the compiler's methods. */
export interface ApproximationReport extends ApproximationSummary {
  readonly method: 'exact' | 'least-squares' | 'composite-sign' | 'minimax' | 'polynomial-pooling';
}

/** Of a graph's inputs and outputs, in order, over all calibration inputs. */
export interface CertifiedRanges {
  readonly inputs: readonly InputRange[];
  readonly outputs: readonly { readonly min: number; readonly max: number }[];
}

export interface PolynomialGraph {
  readonly graph: TensorGraph;
  readonly approximations: readonly ApproximationReport[];
  readonly quality: ApproximationQuality;
  /** Calibrated statistics of every tensor of `graph` that the later stages may need bounds for. */
  readonly ranges: ReadonlyMap<string, TensorRange>;
  /**
   * Calibration inputs that leave the range of a polynomial so far that they are no measure of the others: their places among
   * those that `loadCalibration` chooses.
   */
  readonly outliers: ReadonlySet<number>;
  readonly certified: CertifiedRanges;
  readonly warnings: readonly string[];
}
