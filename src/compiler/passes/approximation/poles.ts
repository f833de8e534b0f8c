/** Whether a function leaves all bounds within a range: there no polynomial follows it. */

export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

const GRID = 1000;
const REFINEMENTS = 80;
/** A peak that refinement raises by this factor over the function's typical magnitude has no top. */
const UNBOUNDED = 1e9;

/**
 * A point of the range where f is not finite or grows without bound, or null. Peaks of |f| on a grid are refined by ternary
 * search, so that a pole between two points is found too.
 */
export function findPole(f: (x: number) => number, { min, max }: ValueRange): number | null {
  const at = (i: number): number => min + ((max - min) * i) / GRID;
  const sizes = Float64Array.from({ length: GRID + 1 }, (_, i) => Math.abs(f(at(i))));
  const broken = sizes.findIndex((size) => !Number.isFinite(size));
  if (broken >= 0) return at(broken);
  // Where it is 0 it says nothing: a clipped function is, for most of a range that lies left of it.
  const significant = sizes.filter((size) => size > 0).sort();
  const typical = significant[Math.floor(significant.length / 2)] ?? Infinity;
  for (let i = 1; i < GRID; i++) {
    if (sizes[i]! < sizes[i - 1]! || sizes[i]! < sizes[i + 1]!) continue;
    let [low, high] = [at(i - 1), at(i + 1)];
    for (let round = 0; round < REFINEMENTS; round++) {
      const [a, b] = [low + (high - low) / 3, high - (high - low) / 3];
      // Written so that NaN and infinity attract.
      if (Math.abs(f(a)) < Math.abs(f(b))) low = a;
      else high = b;
    }
    const top = Math.abs(f((low + high) / 2));
    if (!(top <= UNBOUNDED * typical)) return (low + high) / 2;
  }
  return null;
}

const HALVINGS = 40;

/**
 * `wide` with its ends drawn back towards the values seen where f has a pole in between: 1/x of values from 0.1 to 5 is
 * fitted on a range without 0. A pole among the values seen changes nothing.
 */
export function beforePoles(f: (x: number) => number, seen: ValueRange, wide: ValueRange): ValueRange {
  const drawnBack = (inner: number, outer: number): number => {
    let end = outer;
    for (let round = 0; round < HALVINGS; round++) {
      const pole = findPole(f, { min: Math.min(inner, end), max: Math.max(inner, end) });
      // Half of what is left: just beside a pole the function is too steep to follow.
      if (pole === null) return round === 0 ? end : (inner + end) / 2;
      end = (inner + end) / 2;
    }
    return inner;
  };
  if (findPole(f, wide) === null || findPole(f, seen) !== null) return wide;
  return { min: drawnBack(seen.min, wide.min), max: drawnBack(seen.max, wide.max) };
}
