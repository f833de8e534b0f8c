/** The few statistics that reports need. */

export interface PrecisionStatistics {
  readonly min: number;
  readonly mean: number;
  readonly median: number;
}

export interface LatencyStatistics {
  readonly median: number;
  readonly p95: number;
  readonly min: number;
}

export interface Histogram {
  /** Left edge of the first bin and common width. */
  readonly start: number;
  readonly step: number;
  readonly counts: readonly number[];
}

/** Nearest-rank quantile, 0 < q ≤ 1. NaN for no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(Math.ceil(q * sorted.length) - 1, 0)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function latencyStatistics(ms: readonly number[]): LatencyStatistics {
  return { median: median(ms), p95: quantile(ms, 0.95), min: Math.min(...ms) };
}

/** Doubles carry 53 bits, so an error of exactly 0 counts as that many. */
const MAX_BITS = 53;

/** −log2(|error| / range). */
export function precisionBits(error: number, range: number): number {
  if (!(range > 0)) return 0;
  return error === 0 ? MAX_BITS : Math.min(-Math.log2(Math.abs(error) / range), MAX_BITS);
}

export function precisionStatistics(errors: readonly number[], range: number): PrecisionStatistics {
  const bits = errors.map((error) => precisionBits(error, range));
  return { min: bits.reduce((a, b) => Math.min(a, b), MAX_BITS), mean: mean(bits), median: median(bits) };
}

/** Distribution of log10|error|; errors of exactly 0 fall into the first bin. */
export function logErrorHistogram(errors: readonly number[], bins = 24): Histogram {
  const logs = errors.filter((error) => error !== 0).map((error) => Math.log10(Math.abs(error)));
  if (logs.length === 0) return { start: -16, step: 1, counts: [errors.length] };
  const low = Math.floor(logs.reduce((a, b) => Math.min(a, b)) * 4) / 4;
  const high = Math.ceil(logs.reduce((a, b) => Math.max(a, b)) * 4) / 4;
  const step = Math.max(high - low, 0.25) / bins;
  const counts = new Array<number>(bins).fill(0);
  counts[0] = errors.length - logs.length;
  for (const log of logs) counts[Math.min(Math.floor((log - low) / step), bins - 1)]!++;
  return { start: low, step, counts };
}

/** 95 % interval for a proportion (Wilson 1927): honest for few samples and for proportions near 0 or 1. */
export function wilsonInterval(successes: number, n: number): readonly [number, number] {
  const z = 1.96;
  const p = successes / n;
  const center = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [Math.max(center - half, 0), Math.min(center + half, 1)];
}
