/**
 * How private something is at most, by experiment: a lower bound on ε from how well two worlds are told apart (Jagielski, Ullman and Oprea,
 * "Auditing Differentially Private Machine Learning", NeurIPS 2020, section 3), with the exact intervals of Clopper and Pearson (1934).
 */

/**
 * @param present, absent what was seen with and without one participant; larger speaks for presence
 * @param confidence of the bound as a whole: half of the samples choose the threshold, the other half judge it
 */
export function epsilonLowerBound(
  present: Float64Array,
  absent: Float64Array,
  delta: number,
  confidence: number,
): number {
  const half = Math.floor(present.length / 2);
  const risk = (1 - confidence) / 4;
  const bound = (a: Float64Array, b: Float64Array, threshold: number, above: boolean): number => {
    const beyond = (samples: Float64Array): number => {
      let count = 0;
      for (const x of samples) if (above ? x >= threshold : x < threshold) count++;
      return count;
    };
    const likely = lowerProportion(beyond(a), a.length, risk);
    const unlikely = upperProportion(beyond(b), b.length, risk);
    return likely > delta ? Math.log((likely - delta) / unlikely) : 0;
  };
  const candidates = [...present.subarray(0, half), ...absent.subarray(0, half)].sort((x, y) => x - y);
  const steps = Array.from(
    { length: 99 },
    (_, i) => candidates[Math.floor(((i + 1) * candidates.length) / 100)]!,
  );
  // Both ways: told by what is above in the one world, or by what is below in the other.
  return [true, false].reduce((largest, above) => {
    const [likely, unlikely] = above ? [present, absent] : [absent, present];
    const [first, second] = [likely.subarray(0, half), unlikely.subarray(0, half)];
    const best = steps.reduce((a, b) =>
      bound(first, second, b, above) > bound(first, second, a, above) ? b : a,
    );
    return Math.max(largest, bound(likely.subarray(half), unlikely.subarray(half), best, above));
  }, 0);
}

/** The least proportion under which so many successes or more have probability `risk`. */
export function lowerProportion(successes: number, trials: number, risk: number): number {
  return successes === 0 ? 0 : betaQuantile(risk, successes, trials - successes + 1);
}

export function upperProportion(successes: number, trials: number, risk: number): number {
  return successes === trials ? 1 : betaQuantile(1 - risk, successes + 1, trials - successes);
}

function betaQuantile(probability: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (incompleteBeta(middle, a, b) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Regularised, by its continued fraction (DLMF 8.17.22), evaluated by Lentz's method. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  let [c, d] = [1, 1 / (1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / (1 + even * d);
    c = 1 + even / c;
    fraction *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / (1 + odd * d);
    c = 1 + odd / c;
    fraction *= c * d;
    if (Math.abs(c * d - 1) < 1e-14) break;
  }
  return front * fraction;
}

function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** Stirling's series, from 10 on; below by recurrence. */
function logGamma(x: number): number {
  if (x < 10) return logGamma(x + 1) - Math.log(x);
  return (
    (x - 0.5) * Math.log(x) -
    x +
    Math.log(2 * Math.PI) / 2 +
    1 / (12 * x) -
    1 / (360 * x ** 3) +
    1 / (1260 * x ** 5)
  );
}
