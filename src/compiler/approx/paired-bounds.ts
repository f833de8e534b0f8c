/** How large a drop may be that paired counts leave possible, and how small. */

export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Both ends of the interval for the difference of two shares of the same samples: those that are lost (p) less those that are
 * won (q), each end one-sided. Exact (Clopper-Pearson) limits of p and q are joined by MOVER (Zou and Donner, Statistics in
 * Medicine 27, 2008); Nothing lost and nothing won leaves a
 * difference of about −ln(error) / samples possible: the rule of three.
 * @param error probability that the difference lies beyond an end, 0.05 for 95 %
 * @returns shares, −1 … 1
 */
export function pairedBounds(lost: number, won: number, samples: number, error: number): Bounds {
  if (samples === 0) return { lower: -1, upper: 1 };
  const [p, q] = [lost / samples, won / samples];
  const losses = exactBounds(lost, samples, error);
  const wins = exactBounds(won, samples, error);
  // Of two outcomes that exclude one another; it is negative, so that the difference varies more than its parts.
  const correlation = p * q === 0 ? 0 : -Math.sqrt((p * q) / ((1 - p) * (1 - q)));
  const reach = (a: number, b: number): number => Math.sqrt(a * a + b * b - 2 * correlation * a * b);
  return {
    lower: p - q - reach(p - losses.lower, wins.upper - q),
    upper: p - q + reach(losses.upper - p, q - wins.lower),
  };
}

/** Clopper and Pearson's limits of a share of which `count` of `samples` were seen, each one-sided. */
export function exactBounds(count: number, samples: number, error: number): Bounds {
  return {
    lower: count === 0 ? 0 : shareWhere((share) => 1 - atMost(count - 1, samples, share) < error),
    upper: count === samples ? 1 : shareWhere((share) => atMost(count, samples, share) > error),
  };
}

/** Where `below` turns from true to false as the share grows. */
function shareWhere(below: (share: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (below(middle)) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(X ≤ count) of a binomial variable. */
function atMost(count: number, samples: number, share: number): number {
  if (share <= 0) return 1;
  if (share >= 1) return count >= samples ? 1 : 0;
  const logOdds = Math.log(share) - Math.log1p(-share);
  let term = samples * Math.log1p(-share);
  let sum = Math.exp(term);
  for (let k = 1; k <= count; k++) {
    term += Math.log((samples - k + 1) / k) + logOdds;
    sum += Math.exp(term);
  }
  return Math.min(1, sum);
}

/** The quantile of the standard normal distribution that is exceeded with probability `error` < 0.5. */
export function normalQuantile(error: number): number {
  let [low, high] = [0, 9];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > error) low = middle;
    else high = middle;
  }
  return low;
}

/** P(Z > z), z ≥ 0, by Simpson's rule: no closed form, and speed does not matter. */
function upperTail(z: number): number {
  const steps = 400;
  const width = z / steps;
  const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(z);
  for (let k = 1; k < steps; k++) sum += (k % 2 === 1 ? 4 : 2) * density(k * width);
  return 0.5 - (sum * width) / 3;
}
