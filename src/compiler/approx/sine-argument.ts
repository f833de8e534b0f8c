/**
 * Where a refresh stands before an activation, the activation's polynomial is fitted on what the refresh makes of values: it evaluates
 * their sine, and taking that back would cost levels and precision for nothing.
 */
import { refreshed } from '../../program/semantics/evaluate-refresh.ts';

/** q_0 over the scale of the coefficients, see `RefreshInstruction`: at 4, the sine of ±1 is ±1, and rises all the way. */
export const FUSED_RATIO = 4;

/** Values that were seen, with a margin, come to a refresh within ±this: the sine still tells those beyond apart. */
export const REACH = 0.75;

/** The polynomial's argument for t = (x − center) / halfWidth: t itself, or its sine where values are refreshed first. */
export function polynomialArgument(ratio: number | undefined): (t: number) => number {
  return ratio === undefined ? (t) => t : (t) => refreshed(REACH * t, ratio);
}
