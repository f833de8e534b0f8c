/** What there is to say about an approximation that is not shown to be as good as was asked for. */
import { boundReport, limitFor, type LimitOptions } from './accuracy-bound.ts';
import type { Comparison } from './quality.ts';

/** @param advice what other degrees were measured to do, in words; empty if nothing is known of them */
export function resultWarnings(
  { quality, drop, overflows }: Comparison,
  options: LimitOptions,
  advice: string,
): string[] {
  const warnings: string[] = [];
  if (overflows > 0) {
    warnings.push(
      `${overflows} of ${quality.samples} held-out calibration inputs overflow: they leave the range ` +
        `of a polynomial; more calibration data widens the ranges, and refreshes (--refresh everywhere) keep values from running away`,
    );
  }
  if (boundReport(drop, options).shown) return warnings;
  const limit = limitFor(drop.measure, options);
  const [what, unit] = {
    accuracy: ['accuracy drops by', 'percentage points'],
    agreement: ['the class changes for', '% of the inputs'],
    decisions: [
      'decisions change at',
      "% of the map's positions that either model takes for more than background",
    ],
    'output-error': ['outputs are off by', '% of their standard deviation'],
  }[drop.measure];
  const between = `95 % interval ${drop.lower.toFixed(2)} to ${drop.upper.toFixed(2)}`;
  const found = `${what} ${drop.points.toFixed(2)} ${unit} (${between}) on ${quality.samples} held-out calibration inputs`;
  if (drop.points > limit) {
    const hints = [advice, 'relu-composite activations follow the original more closely'].filter(
      (hint) => hint !== '',
    );
    return [...warnings, `${found}, more than the ${limit} allowed; ${hints.join('; ')}`];
  }
  const needed = drop.samplesFor(limit);
  const remedy =
    needed === null || needed <= quality.samples
      ? 'more calibration inputs would narrow the interval'
      : `about ${roundUp(needed)} held-out inputs would show it if that rate holds (a third of the calibration inputs is held out, beyond 6000 all are)`;
  return [
    ...warnings,
    `not shown to stay within the ${limit} allowed: ${found}; ${remedy}` +
      (advice === '' ? '' : `; ${advice}`),
  ];
}

/** To two digits. */
function roundUp(count: number): number {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(count)) - 1);
  return Math.ceil(count / step) * step;
}
