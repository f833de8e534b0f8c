/** What refreshes do and what they take, as every report says it. */
import type { LayerReport, RefreshStepTime } from '../../src/program/artifact.ts';
import type { RefreshSummary } from '../../src/program/refresh-summary.ts';
import { formatMs, formatPercent, plural } from './format.ts';

/** How many, how far, and what they take. */
export function refreshText({ count, fromLevel, raisedLevel, toLevel, ms, share }: RefreshSummary): string {
  const each = count === 1 ? '' : `, ${formatMs(ms / count)} each`;
  return (
    `${plural(count, 'refresh', 'refreshes')} from level ${fromLevel} to ${toLevel} (raised to ${raisedLevel})${each}: ` +
    `${formatMs(ms)}, ${formatPercent(share, 0)} of the predicted time`
  );
}

/** Of all refreshes together; null where nothing is told. */
export function refreshStepsText(steps: readonly RefreshStepTime[]): string | null {
  if (steps.length === 0) return null;
  const whole = steps.reduce((sum, { ms }) => sum + ms, 0);
  return steps
    .map(({ step, ms }) => `${step} ${formatMs(ms)} (${formatPercent(whole > 0 ? ms / whole : 0, 0)})`)
    .join(', ');
}

/**
 * What a benchmark has measured of all of them together; null where nothing is refreshed or the backend does not tell.
 * @param layerMs of each of the layers
 */
export function measuredRefreshMs(
  layers: readonly Pick<LayerReport, 'kind'>[],
  layerMs: readonly (number | null)[],
): number | null {
  const times = layers.flatMap(({ kind }, index) => (kind === 'refresh' ? [layerMs[index] ?? null] : []));
  if (times.length === 0) return null;
  return times.reduce((sum, ms) => (sum === null || ms === null ? null : sum + ms), 0);
}
