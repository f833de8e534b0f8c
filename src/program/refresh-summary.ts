/** What a program's refreshes (bootstraps) do and what they take: for reports, and for whoever asks what a model costs. */
import type { Artifact, RefreshStepTime } from './artifact.ts';
import { refreshShape } from './semantics/refresh-plan.ts';

export interface RefreshSummary {
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
export function refreshSummary({ program, parameters, report }: Artifact): RefreshSummary | null {
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
