/** What a program's refreshes (bootstraps) do and what they take, for every report. */
import type { Artifact, LayerReport, RefreshStepTime } from '../../src/program/artifact.ts';
import { refreshShape } from '../../src/program/semantics/refresh-plan.ts';
import { formatMs, formatPercent, plural } from './format.ts';

export interface RefreshView {
  /** Of single ciphertexts. */
  readonly count: number;
  /** All start from one level and end at one; between, the modulus is raised to the highest. */
  readonly fromLevel: number;
  readonly raisedLevel: number;
  readonly toLevel: number;
  /** All of them together, predicted, and the part of the whole evaluation that this is, 0 … 1. */
  readonly ms: number;
  readonly share: number;
  /** Adds up to it; empty where the artifact does not say. */
  readonly steps: readonly RefreshStepTime[];
}

/** Null where nothing is refreshed. */
export function refreshView({ program, parameters, report }: Artifact): RefreshView | null {
  const first = program.instructions.find(({ kind }) => kind === 'refresh');
  if (first === undefined) return null;
  const { raiseLevel, outputLevel } = refreshShape(parameters);
  const layers = report.layers.filter(({ kind }) => kind === 'refresh');
  const ms = layers.reduce((sum, { predictedMs }) => sum + predictedMs, 0);
  const { latencyMs, refreshStepsMs = [] } = report.predicted;
  return {
    count: report.operations.refresh ?? 0,
    fromLevel: first.level,
    raisedLevel: raiseLevel,
    toLevel: outputLevel,
    ms,
    share: latencyMs > 0 ? ms / latencyMs : 0,
    steps: refreshStepsMs,
  };
}

/** How many, how far, and what they take. */
export function refreshText({ count, fromLevel, raisedLevel, toLevel, ms, share }: RefreshView): string {
  const each = count === 1 ? '' : `, ${formatMs(ms / count)} each`;
  return (
    `${plural(count, 'refresh', 'refreshes')} from level ${fromLevel} to ${toLevel} (raised to ${raisedLevel})${each}: ` +
    `${formatMs(ms)}, ${formatPercent(share, 0)} of the predicted time`
  );
}

/** Null where the artifact does not say. */
export function refreshStepsText({ steps, ms }: RefreshView): string | null {
  if (steps.length === 0) return null;
  return steps
    .map((one) => `${one.step} ${formatMs(one.ms)} (${formatPercent(ms > 0 ? one.ms / ms : 0, 0)})`)
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
