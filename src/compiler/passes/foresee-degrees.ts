/**
 * Before anything is fitted, lowered or packed: how deep the model is with each degree that activations may get, and whether a
 * chain holds that. Depth follows from the structure of the graph and the degrees alone.
 */
import { CompileError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import { FUSED_RATIO } from '../approx/sine-argument.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import { LongestChains } from '../analysis/explain-depth.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import type { CompileOptions, Progress } from '../options.ts';
import { targetOf } from '../targets/registry.ts';
import type { RefreshLevels } from '../targets/target.ts';
import { loadCalibration, perImage, unbatch } from './approximation/calibration-batch.ts';
import { findSites, type ActivationSite } from './approximation/sites.ts';
import { calibrateRanges } from './calibrate-ranges.ts';
import { reduceLinear } from './compose-linear.ts';
import { CostEstimator } from './estimate-cost.ts';
import { normalisePolynomials } from './normalise-polynomials.ts';
import { placeRefreshes, type RefreshPlacement } from './place-refreshes.ts';
import { CANDIDATE_DEGREES, type DegreePlan } from './select-degrees.ts';
import { foreseeDepth, type DepthForecast } from './foresee-depth.ts';
import { sketchActivations } from './sketch-activations.ts';
import { sketchLinear } from './sketch-linear.ts';

/** Sites that are to keep bits may come to take more levels, for the outputs' sake. */
export interface DegreeForecast extends DepthForecast {
  /** Of all activations whose degree is open; null where there is none. */
  readonly degree: number | null;
  /** Sites that values are refreshed before; empty where the chain reaches without. */
  readonly refreshed: ReadonlySet<string>;
  /** What refreshing would about cost where the chain reaches without; null where it would not do. */
  readonly instead: RefreshedForecast | null;
}

export interface RefreshedForecast {
  readonly refreshed: ReadonlySet<string>;
  /** Milliseconds of one evaluation on one core, or bytes of memory where these count; infinite where that cannot be estimated. */
  readonly cost: number;
}

export interface Foresight {
  /** By degree, ascending, for the choices as they are. */
  readonly forecasts: readonly DegreeForecast[];
  /** The same if no choice were fixed: where some are and nothing holds them, what might be chosen instead. */
  readonly unfixed: readonly DegreeForecast[];
  /** Null for models that are too large to be laid out for an estimate. */
  readonly estimator: () => CostEstimator | null;
  /** The polynomials in what it estimates whose degree is open. */
  readonly open: ReadonlySet<string>;
}

/** Larger models are not laid out for an estimate. */
const ESTIMATED_ENTRIES = 150e6;

/** Of the estimate without refreshes: where both are close to each other, estimates do not tell, and nothing is refreshed. */
const WORTH_REFRESHING = 0.8;

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
  const levels = refreshLevels(options);
  // What feeds an activation is a value of its own, whatever is composed.
  const held = [...single.inputs, ...sites.map(({ input }) => input)];
  const largest = Math.max(...held.map((name) => elementCount(shapeOf(single, name))));
  const reduced = (sketch: TensorGraph): LinearGraph =>
    reduceLinear(normalisePolynomials(sketchLinear(sketch, ranges)), new MatrixProducts());
  const lowest = CANDIDATE_DEGREES[0];
  const refreshable = await sketchActivations(single, sites, lowest, ranges, FUSED_RATIO);
  let known: CostEstimator | null | undefined;
  const estimator = (): CostEstimator | null =>
    known === undefined ? (known = CostEstimator.of(refreshable, ranges, ESTIMATED_ENTRIES)) : known;
  const forecastOf = async (
    of: readonly ActivationSite[],
    degree: number | null,
  ): Promise<DegreeForecast> => {
    const sketchWith = async (ratio?: number): Promise<LinearGraph> =>
      reduced(await sketchActivations(single, of, degree ?? lowest, ranges, ratio));
    const plain = foreseeDepth(await sketchWith(), largest, options, longest);
    const unrefreshed = { degree, ...plain, refreshed: new Set<string>(), instead: null };
    if (levels === null) return unrefreshed;
    // Within fewer levels than any refresh needs there is nothing to gain.
    const everywhere = options.refresh === 'everywhere';
    const mayGain = everywhere || plain.refusal !== null || plain.depth > leastRefreshed(levels) + levels.top;
    if (!mayGain) return unrefreshed;
    const open = layersOf(of.filter(({ fixed }) => fixed === null));
    /** Infinite where that cannot be said. */
    const costOf = ({ chain }: DepthForecast, refreshed: ReadonlySet<string>): number => {
      const cost =
        chain === null ? undefined : estimator()?.estimate(degree, open, refreshed, chain, options);
      if (cost === undefined) return Infinity;
      return options.optimize === 'memory' ? cost.memoryBytes : cost.milliseconds;
    };
    const linear = await sketchWith(FUSED_RATIO);
    const placed = refreshPlacements(linear, levels, everywhere).map(({ layers, length }) => {
      const forecast = foreseeDepth(linear, largest, options, longest, length);
      const refreshed = of.filter(({ name }) => layers.has(firstLayer(name))).map(({ name }) => name);
      return { ...forecast, refreshed: new Set(refreshed), cost: costOf(forecast, layers) };
    });
    const held = placed.filter(({ refusal }) => refusal === null);
    const [best] = (held.length > 0 ? held : placed).sort(
      (a, b) => Number(a.cost > b.cost) - Number(a.cost < b.cost) || a.refreshed.size - b.refreshed.size,
    );
    if (best === undefined) return unrefreshed;
    const { cost, ...forecast } = best;
    if (everywhere || plain.refusal !== null) return { degree, ...forecast, instead: null };
    if (forecast.refusal !== null) return unrefreshed;
    return cost < WORTH_REFRESHING * costOf(plain, new Set())
      ? { degree, ...forecast, instead: null }
      : { ...unrefreshed, instead: { refreshed: forecast.refreshed, cost } };
  };
  const forecast = async (of: readonly ActivationSite[]): Promise<DegreeForecast[]> => {
    const open = of.some(({ fixed }) => fixed === null);
    const found: DegreeForecast[] = [];
    for (const degree of open ? CANDIDATE_DEGREES : [null]) found.push(await forecastOf(of, degree));
    return found;
  };
  const forecasts = await forecast(sites);
  const stuck = forecasts[0]!.refusal !== null && sites.some(({ fixed }) => fixed !== null);
  const unfixed = stuck ? await forecast(sites.map((site) => ({ ...site, fixed: null }))) : forecasts;
  return { forecasts, unfixed, estimator, open: layersOf(sites.filter(({ fixed }) => fixed === null)) };
}

function layersOf(sites: readonly ActivationSite[]): ReadonlySet<string> {
  return new Set(sites.map(({ name }) => firstLayer(name)));
}

/** The first node of a site's fragment is its polynomial. */
export function firstLayer(site: string): string {
  return `${site}/polynomial-0`;
}

/** Of the target's refreshes; null where nothing may be refreshed. */
function refreshLevels({ refresh, backend, optimize }: CompileOptions): RefreshLevels | null {
  const { title, refresh: levels } = targetOf(backend);
  const allowed = refresh === 'never' || optimize === 'throughput' ? null : levels;
  if (refresh === 'everywhere' && allowed === null)
    throw new CompileError(
      'REFRESH_UNAVAILABLE',
      optimize === 'throughput' ? 'throughput mode has no refreshes' : `${title} has no refresh (bootstrap)`,
      { pass: 'foresee-degrees', hint: 'leave out --refresh everywhere' },
    );
  return allowed;
}

/** One level for a network. */
function leastRefreshed({ down }: RefreshLevels): number {
  return down + 1;
}

/** Fewer levels between refreshes make each of them, and all between, quicker; more levels make them fewer. */
function refreshPlacements(
  linear: LinearGraph,
  levels: RefreshLevels,
  everywhere: boolean,
): RefreshPlacement[] {
  const least = leastRefreshed(levels);
  const given = Array.from({ length: levels.most - least + 1 }, (_, i) => least + i);
  return given.flatMap((most) => placeRefreshes(linear, { ...levels, most }, everywhere) ?? []);
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
export function degreePlan({ forecasts }: Pick<Foresight, 'forecasts'>): DegreePlan {
  return {
    holdable: forecasts.flatMap(({ degree, refusal }) =>
      refusal === null && degree !== null ? [degree] : [],
    ),
    refreshed: new Map(forecasts.map(({ degree, refreshed }) => [degree, refreshed])),
  };
}

/**
 * Where refreshing was not thought to be worth it and the program has come out dearer than foreseen (a larger ring, for its
 * precision's sake), it may be after all: a plan of that degree and those above, refreshed. Null if there is none, or it would not pay.
 * @param cost of the program, in the estimates' unit
 */
export function refreshedInstead(
  { forecasts }: Pick<Foresight, 'forecasts'>,
  { degree, cost }: { readonly degree: number; readonly cost: number },
): DegreePlan | null {
  // Where all degrees are fixed there is one forecast.
  const above = forecasts.filter((each) => each.degree === null || each.degree >= degree);
  const [own] = above;
  if (own === undefined || own.instead === null || own.instead.cost >= WORTH_REFRESHING * cost) return null;
  const plans = above
    .map((each) => ({ degree: each.degree, sites: each.instead?.refreshed ?? each.refreshed }))
    .filter(({ sites }) => sites.size > 0);
  return {
    holdable: plans.flatMap((each) => each.degree ?? []),
    refreshed: new Map(plans.map((each) => [each.degree, each.sites])),
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
