/**
 * Before anything is fitted, lowered or packed: how deep the model is with each degree that activations may get, and whether a
 * chain holds that. Depth follows from the structure of the graph and the degrees alone.
 */
import { CompileError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { refreshOf } from '../analysis/cost-model.ts';
import { FUSED_RATIO } from '../approx/sine-argument.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { LongestChains } from '../analysis/explain-depth.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import type { CompileOptions, Progress } from '../options.ts';
import { loadCalibration, perImage, unbatch } from './approximation/calibration-batch.ts';
import { findSites, type ActivationSite } from './approximation/sites.ts';
import { calibrateRanges, type CalibratedRanges } from './calibrate-ranges.ts';
import { reduceLinear } from './compose-linear.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { placeRefreshes, type RefreshPlacement } from './place-refreshes.ts';
import { MOST_REFRESHED_LEVEL, REFRESH_DOWN } from './refresh-chains.ts';
import { CANDIDATE_DEGREES, type DegreePlan } from './select-degrees.ts';
import { costsOf, ringsFor } from './select-program.ts';
import { foreseeDepth, type DepthForecast } from './foresee-depth.ts';
import { sketchActivations } from './sketch-activations.ts';
import { sketchLinear } from './sketch-linear.ts';

/** Sites that are to keep bits may come to take more levels, for the outputs' sake. */
export interface DegreeForecast extends DepthForecast {
  /** Of all activations whose degree is open; null where there is none. */
  readonly degree: number | null;
  /** Sites that values are refreshed before; empty where the chain reaches without. */
  readonly refreshed: ReadonlySet<string>;
}

export interface Foresight {
  /** By degree, ascending, for the choices as they are. */
  readonly forecasts: readonly DegreeForecast[];
  /** The same if no choice were fixed: where some are and nothing holds them, what might be chosen instead. */
  readonly unfixed: readonly DegreeForecast[];
  /** The model with the lowest degrees, unfitted (see `sketchActivations`), and the polynomials in it whose degree is open. */
  readonly sketch: TensorGraph;
  readonly open: ReadonlySet<string>;
  /** Of the original model's tensors, over the few inputs that were looked at. */
  readonly ranges: CalibratedRanges['ranges'];
}

/** Ranges only serve to leave room for the outputs, and to tell how many degrees a site takes that is to keep bits. */
const PROBE_SAMPLES = 8;

/**
 * @throws CompileError DATASET_MISMATCH, UNKNOWN_ACTIVATION, INVALID_DEGREE, RANGE_OVERFLOW, REFERENCE_FAILED;
 *   BackendError CANCELLED
 */
export async function foreseeDegrees(
  tensors: TensorGraph,
  options: CompileOptions,
  progress: Progress,
): Promise<Foresight> {
  const { single, batchSize } = unbatch(tensors);
  const sites = findSites(single, options.activations);
  const samples = Math.min(options.samples, PROBE_SAMPLES);
  const batch = loadCalibration(single, { ...perImage(options, single, batchSize), samples });
  const { ranges } = await calibrateRanges(single, batch.inputs, batch.samples, {
    report: (_, fraction) => progress.report('foresee', fraction),
    signal: progress.signal,
  });
  const longest = new LongestChains();
  // What feeds an activation is a value of its own, whatever is composed.
  const held = [...single.inputs, ...sites.map(({ input }) => input)];
  const largest = Math.max(...held.map((name) => elementCount(shapeOf(single, name))));
  const reduced = (sketch: TensorGraph): LinearGraph =>
    reduceLinear(normalisePolynomials(sketchLinear(sketch, ranges)), new MatrixProducts());
  const withRefreshes = async (
    of: readonly ActivationSite[],
    degree: number,
  ): Promise<Omit<DegreeForecast, 'degree'> | null> => {
    const linear = reduced(await sketchActivations(single, of, degree, ranges, FUSED_RATIO));
    const placement = cheapestRefreshes(linear, options);
    if (placement === null) return null;
    const { layers, length } = placement;
    const refreshed = new Set(of.filter(({ name }) => layers.has(firstLayer(name))).map(({ name }) => name));
    return { refreshed, ...foreseeDepth(linear, largest, options, longest, length) };
  };
  const forecast = async (of: readonly ActivationSite[]): Promise<DegreeForecast[]> => {
    const open = of.some(({ fixed }) => fixed === null);
    const found: DegreeForecast[] = [];
    for (const degree of open ? CANDIDATE_DEGREES : [null]) {
      const sketch = await sketchActivations(single, of, degree ?? CANDIDATE_DEGREES[0], ranges);
      const plain = foreseeDepth(reduced(sketch), largest, options, longest);
      const refreshing =
        plain.refusal !== null && mayRefresh(options)
          ? await withRefreshes(of, degree ?? CANDIDATE_DEGREES[0])
          : null;
      found.push({ degree, refreshed: new Set(), ...plain, ...refreshing });
    }
    return found;
  };
  const forecasts = await forecast(sites);
  const stuck = forecasts[0]!.refusal !== null && sites.some(({ fixed }) => fixed !== null);
  const unfixed = stuck ? await forecast(sites.map((site) => ({ ...site, fixed: null }))) : forecasts;
  const openSites = new Set(sites.filter(({ fixed }) => fixed === null).map(({ name }) => name));
  const sketch = await sketchActivations(single, sites, CANDIDATE_DEGREES[0], ranges);
  const open = new Set([...openSites].map(firstLayer));
  return { forecasts, unfixed, sketch, open, ranges };
}

/** The first node of a site's fragment is its polynomial. */
function firstLayer(site: string): string {
  return `${site}/polynomial-0`;
}

function mayRefresh({ refresh, backend, optimize }: CompileOptions): boolean {
  return refresh === 'auto' && backend === 'native' && optimize !== 'throughput';
}

/** Fewer levels between refreshes make each of them quicker, more make them fewer. */
function cheapestRefreshes(linear: LinearGraph, options: CompileOptions): RefreshPlacement | null {
  let best: { readonly placement: RefreshPlacement; readonly ms: number } | null = null;
  for (let most = REFRESH_DOWN.length + 1; most <= MOST_REFRESHED_LEVEL; most++) {
    const placement = placeRefreshes(linear, most);
    if (placement === null) continue;
    for (const { chains } of ringsFor(linear, options, placement.length)) {
      const each = Math.min(...chains.map((chain) => refreshOf(costsOf(chain, options)).ms));
      const ms = placement.layers.size * each;
      if (best === null || ms < best.ms) best = { placement, ms };
    }
  }
  return best?.placement ?? null;
}

/** @throws CompileError DEPTH_EXCEEDED or MEMORY_EXCEEDED if nothing holds even the lowest degrees */
export function requireHoldable({ forecasts, unfixed }: Foresight): void {
  const { refusal } = forecasts[0]!;
  if (refusal === null || forecasts.some((each) => each.refusal === null)) return;
  const depths = forecasts.flatMap(({ degree, depth }) =>
    degree === null ? [] : [`${depth} at degree ${degree}`],
  );
  const fitting = unfixed.findLast((each) => each.refusal === null);
  const hints = [
    fitting === undefined
      ? null
      : `degree ${fitting.degree} would fit, with ${fitting.depth} levels: --activation '*=degree:${fitting.degree}'`,
    refusal.hint ?? null,
  ].filter((hint) => hint !== null);
  throw new CompileError(
    refusal.code,
    depths.length === 0 ? refusal.message : `${refusal.message}; it takes ${depths.join(', ')}`,
    { pass: 'foresee-degrees', diagnostics: refusal.diagnostics, hint: hints.join('; ') },
  );
}

/** Degrees of all activations alike that something may hold, and the sites that are refreshed then. */
export function degreePlan({ forecasts }: Foresight): DegreePlan {
  return {
    holdable: forecasts.flatMap(({ degree, refusal }) =>
      refusal === null && degree !== null ? [degree] : [],
    ),
    refreshed: new Map(forecasts.map(({ degree, refreshed }) => [degree, refreshed])),
  };
}

/** What is worth knowing before the work begins: that some degrees are out of reach, and why. Null if none is. */
export function describeForesight({ forecasts }: Foresight): string | null {
  const refused = forecasts.find(({ refusal }) => refusal !== null);
  if (refused === undefined) return null;
  const levels = (which: readonly DegreeForecast[]): string =>
    which.map(({ degree, depth }) => `degree ${degree} (${depth} levels)`).join(', ');
  const held = forecasts.filter(({ refusal }) => refusal === null);
  return `within reach: ${levels(held)}; beyond it: ${levels(forecasts.filter(({ refusal }) => refusal !== null))}, since ${refused.refusal!.message}`;
}
