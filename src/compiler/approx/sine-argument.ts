/**
 * Where a refresh stands before an activation, the activation's polynomial is fitted on what the refresh makes of values: it evaluates
 * their sine, and taking that back would cost levels and precision for nothing.
 */
import { refreshed } from '../../program/semantics/evaluate-refresh.ts';

/** q_0 over the scale of the coefficients, see `RefreshInstruction`: at 4, the sine of ±1 is ±1, and rises all the way. */
export const FUSED_RATIO = 4;

/** Values that were seen, with a margin, come to a refresh within ±this: the sine still tells those beyond apart. */
export const REACH = 0.75;

/** Of the sine that a refresh makes of t = (x − center) / halfWidth. */
export function sineFrequency(ratio: number): number {
  return (2 * Math.PI * REACH) / ratio;
}

/** The polynomial's argument for t = (x − center) / halfWidth: t itself, or its sine where values are refreshed first. */
export function polynomialArgument(ratio: number | undefined): (t: number) => number {
  return ratio === undefined ? (t) => t : (t) => refreshed(REACH * t, ratio);
}

/** Where the series below has float32's precision. */
const SERIES_REACH = 1.7;
/** (−1)^k / (2k + 1)! */
const SINE_SERIES = [1, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800, 1 / 6227020800] as const;

/** The same to float32, several times as quick for arguments that are not far out: for data sets. */
export function quickPolynomialArgument(ratio: number | undefined): (t: number) => number {
  if (ratio === undefined) return (t) => t;
  const frequency = sineFrequency(ratio);
  const [c0, c1, c2, c3, c4, c5, c6] = SINE_SERIES;
  return (t) => {
    const x = frequency * t;
    if (!(Math.abs(x) < SERIES_REACH)) return Math.sin(x);
    const y = x * x;
    return x * (c0 + y * (c1 + y * (c2 + y * (c3 + y * (c4 + y * (c5 + y * c6))))));
  };
}
