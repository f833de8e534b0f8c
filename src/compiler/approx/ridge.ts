/** Ridge regression towards given weights: the closed-form refit of a linear layer. */
import { solveSymmetric } from './cholesky.ts';

/** Sums over samples of the products that a regression of `outputs` targets on `features` inputs needs. */
export interface RegressionSums {
  readonly samples: number;
  readonly features: number;
  readonly outputs: number;
  /** Σ h hᵀ, [features × features] */
  readonly gram: Float64Array;
  /** Σ y hᵀ, [outputs × features] */
  readonly cross: Float64Array;
  /** Σ h */
  readonly featureSums: Float64Array;
  /** Σ y */
  readonly targetSums: Float64Array;
  /** Σ ‖y‖² */
  readonly targetSquares: number;
}

/** Sums over the samples of both. */
export function addSums(a: RegressionSums, b: RegressionSums): RegressionSums {
  const plus = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + y[i]!);
  return {
    samples: a.samples + b.samples,
    features: a.features,
    outputs: a.outputs,
    gram: plus(a.gram, b.gram),
    cross: plus(a.cross, b.cross),
    featureSums: plus(a.featureSums, b.featureSums),
    targetSums: plus(a.targetSums, b.targetSums),
    targetSquares: a.targetSquares + b.targetSquares,
  };
}

/** Σ ‖W h + b − y‖² over the samples of the sums. */
export function squaredError(sums: RegressionSums, { weights, bias }: LinearWeights): number {
  const { features, outputs, samples } = sums;
  let total = sums.targetSquares;
  for (let o = 0; o < outputs; o++) {
    const row = weights.subarray(o * features, (o + 1) * features);
    const offset = bias[o]!;
    total += samples * offset * offset - 2 * offset * sums.targetSums[o]!;
    for (let i = 0; i < features; i++) {
      const weight = row[i]!;
      let product = 0;
      for (let j = 0; j < features; j++) product += sums.gram[i * features + j]! * row[j]!;
      total += weight * (product - 2 * sums.cross[o * features + i]! + 2 * offset * sums.featureSums[i]!);
    }
  }
  return total;
}

/** Powers of ten tried for the ridge strength; the last ones keep the original weights in all but name. */
const STRENGTHS = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100] as const;
const FIRST_TRIED = 2;

/**
 * The ridge strength under which weights fitted to `training` do best on `validation`, descending from a middle one:
 * layers with about as many weights as samples need far more than small ones.
 */
export function chooseStrength(
  training: RegressionSums,
  validation: RegressionSums,
  initial: Float64Array,
): number {
  const errors = new Map<number, number>();
  const errorAt = (index: number): number => {
    const strength = STRENGTHS[index];
    if (strength === undefined) return Infinity;
    const known = errors.get(index) ?? squaredError(validation, ridgeTowards(training, initial, strength));
    errors.set(index, known);
    return known;
  };
  let best = FIRST_TRIED;
  for (const direction of [1, -1]) while (errorAt(best + direction) < errorAt(best)) best += direction;
  return STRENGTHS[best]!;
}

export interface LinearWeights {
  /** [outputs × features] */
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

/**
 * Minimises mean ‖W h + b − y‖² + λ ‖W − W₀‖² over W and b, λ = strength · mean variance of the features. The bias is
 * free, so features and targets are centred first.
 * @param initial W₀, [outputs × features]
 */
export function ridgeTowards(sums: RegressionSums, initial: Float64Array, strength: number): LinearWeights {
  const { features, outputs, samples } = sums;
  const mean = sums.featureSums.map((sum) => sum / samples);
  const targetMean = sums.targetSums.map((sum) => sum / samples);
  const covariance = new Float64Array(features * features);
  let trace = 0;
  for (let i = 0; i < features; i++) {
    for (let j = 0; j < features; j++) {
      covariance[i * features + j] = sums.gram[i * features + j]! / samples - mean[i]! * mean[j]!;
    }
    trace += covariance[i * features + i]!;
  }
  const residual = new Float64Array(outputs * features);
  for (let o = 0; o < outputs; o++) {
    const row = residual.subarray(o * features, (o + 1) * features);
    for (let i = 0; i < features; i++) {
      row[i] = sums.cross[o * features + i]! / samples - targetMean[o]! * mean[i]!;
    }
    for (let j = 0; j < features; j++) {
      const weight = initial[o * features + j]!;
      if (weight === 0) continue;
      for (let i = 0; i < features; i++) row[i] = row[i]! - weight * covariance[j * features + i]!;
    }
  }
  const lambda = strength * (trace / features);
  for (let i = 0; i < features; i++) covariance[i * features + i] = covariance[i * features + i]! + lambda;
  const change = solveSymmetric(covariance, features, residual);
  const weights = initial.map((weight, k) => weight + change[k]!);
  const bias = new Float64Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let value = targetMean[o]!;
    for (let i = 0; i < features; i++) value -= weights[o * features + i]! * mean[i]!;
    bias[o] = value;
  }
  return { weights, bias };
}
