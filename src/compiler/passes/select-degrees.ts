/**
 * Chooses the degree of every activation by what it costs in accuracy on held-out samples: the smallest uniform degree
 * that is good enough, then single activations lowered as long as it stays good enough and is worth what it costs. Good enough is
 * what is shown to keep the bound: the upper end of the drop's interval does, which allows for as many candidates as the search may try. Where there
 * are too few samples to show anything, the best estimate decides, and a warning says so. Where no program holds these degrees
 * (levels, memory, keys), the best ones that fit are searched for.
 */
import { CompileError } from '../../errors.ts';
import { polynomialDepth } from '../../program/program.ts';
import { FUSED_RATIO } from '../approx/sine-argument.ts';
import { guessingWarning } from '../analysis/guessing.ts';
import { outlierWarning } from '../analysis/robust-range.ts';
import { certifyInput } from '../analysis/certified-ranges.ts';
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import { shapeOf } from '../ir/tensor-graph.ts';
import type { ActivationChoice, CompileOptions, Progress } from '../options.ts';
import { Blas } from '../reference/blas.ts';
import { elementsOf } from '../reference/onnx-runner.ts';
import { approximateActivations } from './approximate-activations.ts';
import {
  loadCalibration,
  partOf,
  perImage,
  unbatch,
  withBatchSize,
} from './approximation/calibration-batch.ts';
import { CheckpointStore, MAX_GREEDY_SITES } from './approximation/checkpoint-store.ts';
import { isRefreshed, refreshedChoice } from './approximation/degrees.ts';
import { isJump } from './approximation/composite-nodes.ts';
import { boundReport, isWithin, limitFor } from './approximation/accuracy-bound.ts';
import { DEFAULT_ERROR } from './approximation/drop.ts';
import { Judge } from './approximation/judge-approximation.ts';
import { resultWarnings } from './approximation/result-warnings.ts';
import { DEFAULT_SETTINGS } from './approximation/settings.ts';
import type { ActivationSite } from './approximation/sites.ts';
import { findSites } from './approximation/sites.ts';
import type { Approximation, ApproximationContext, Checkpoint } from './approximation/walk.ts';
import { startCheckpoint } from './approximation/walk.ts';
import { calibrateRanges } from './calibrate-ranges.ts';
import { guardedReports, guardRanges, visibleBits } from './guard-ranges.ts';

export { calibrationInputs, withoutOutliers } from './approximation/calibration-batch.ts';

/** Powers of two make full use of their depth: 1, 2, 3, 4 levels (the leading coefficient is folded away). */
export const CANDIDATE_DEGREES = [2, 4, 8, 16] as const;
/** What says that a program is too large, not that it is wrong: lower degrees may help. */
const TOO_LARGE = ['DEPTH_EXCEEDED', 'MEMORY_EXCEEDED', 'PRECISION_UNREACHABLE', 'KEY_BUDGET_TOO_SMALL'];

/** What may be chosen, as far as can be foreseen. */
export interface DegreePlan {
  /** Degrees of all activations alike that a program may hold. */
  readonly holdable: readonly number[];
  /** By degree (null where no activation is open), the sites that values are refreshed before. */
  readonly refreshed: ReadonlyMap<number | null, ReadonlySet<string>>;
}

/** Everything may be chosen, nothing is refreshed. */
const ANY_DEGREE: DegreePlan = { holdable: CANDIDATE_DEGREES, refreshed: new Map() };

/** A program made of a polynomial graph; may throw one of the errors above. */
export type MakeProgram<T> = (polynomial: PolynomialGraph) => T;

/**
 * Approximates every activation of a graph: the entry point of the pipeline.
 * @throws CompileError DATASET_MISMATCH, UNKNOWN_ACTIVATION, INVALID_DEGREE, NOT_PIECEWISE_LINEAR, REFERENCE_FAILED;
 *   BackendError CANCELLED; what `make` throws, if no degrees help
 */
export async function approximateToFit<T>(
  graph: TensorGraph,
  options: CompileOptions,
  progress: Progress,
  make: MakeProgram<T>,
  plan: DegreePlan = ANY_DEGREE,
): Promise<{ readonly polynomial: PolynomialGraph; readonly program: T }> {
  const { single, batchSize } = unbatch(graph);
  const sites = findSites(single, options.activations);
  const batch = loadCalibration(single, perImage(options, single, batchSize));
  await using blas = await Blas.open();
  const settings = { ...DEFAULT_SETTINGS, seed: options.seed };
  const context: ApproximationContext = { graph: single, sites, batch, blas, progress, settings };
  const exact = sites.length === 0;
  const { calibration, preprocessing } = options;
  const inputs = single.inputs.map((name, input) => {
    const isBytes = calibration === null || calibration.isPixels?.(input) === true;
    return certifyInput(shapeOf(single, name), batch.inputs.get(name)!, isBytes ? preprocessing : null);
  });
  const complete = async (
    approximation: Approximation,
    warnings: readonly string[],
  ): Promise<PolynomialGraph> => {
    const { outputRanges, heldOut } = approximation;
    const bits = visibleBits(heldOut.reading, elementsOf(single, single.outputs[0]!), options);
    const guarded = await guardRanges(approximation.graph, outputRanges, batch, bits, progress);
    const { ranges, outliers } = await calibrateRanges(guarded.graph, batch.inputs, batch.samples, progress);
    const nameOf = (s: number): string => {
      const index = batch.indices[s]!;
      return `sample ${options.calibration?.origin?.(index) ?? index}`;
    };
    const { quality } = approximation.comparison;
    const classes = quality.agreement === null ? 0 : elementsOf(single, single.outputs[0]!);
    const guessing = guessingWarning(quality.originalAccuracy, quality.samples, classes, batch.labels ?? []);
    const fate = guarded.guards.length === 0 ? 'so would inputs like them' : 'inputs like them are refused';
    const what = `leave the range of a polynomial by far and count for no range: ${fate}`;
    return {
      graph: batchSize === 1 ? guarded.graph : withBatchSize(guarded.graph, batchSize),
      approximations: guardedReports(approximation.approximations, guarded.guards),
      quality: {
        ...quality,
        ...(exact ? {} : { bound: boundReport(approximation.comparison.drop, options) }),
      },
      ranges,
      certified: { inputs, outputs: outputRanges },
      outliers: new Set(outliers.map(({ sample }) => sample)),
      warnings: [
        ...graph.warnings,
        ...batch.warnings,
        ...(guessing === null ? [] : [guessing]),
        ...approximation.warnings,
        ...guarded.warnings,
        ...(outliers.length === 0 ? [] : [outlierWarning(outliers, batch.samples, what, nameOf)]),
        ...warnings,
      ],
    };
  };

  const found = await search(context, options, plan);
  const polynomial = await complete(found.best.approximation, [
    ...found.warnings,
    ...(exact ? [] : resultWarnings(found.best.approximation.comparison, options, found.advice)),
  ]);
  try {
    return { polynomial, program: make(polynomial) };
  } catch (error) {
    if (!isTooLarge(error) || found.lower.length === 0) throw error;
    const attempt = async ({
      approximation,
    }: Candidate): Promise<{ polynomial: PolynomialGraph; program: T } | null> => {
      const limited = await complete(approximation, [
        `no program holds the degrees that the accuracy asks for (${error.message}): these are the best found that fit`,
        ...resultWarnings(
          approximation.comparison,
          options,
          found.best.approximation.comparison.drop.points < approximation.comparison.drop.points
            ? 'the degrees that no program holds did better here'
            : '',
        ),
      ]);
      try {
        return { polynomial: limited, program: make(limited) };
      } catch (refusal) {
        if (isTooLarge(refusal)) return null;
        throw refusal;
      }
    };
    const fitting = await bestThatFits(found, attempt);
    if (fitting !== null) return fitting;
    throw error;
  }
}

/** The same where every program fits. */
export async function approximate(
  graph: TensorGraph,
  options: CompileOptions,
  progress: Progress,
): Promise<PolynomialGraph> {
  return (await approximateToFit(graph, options, progress, () => null)).polynomial;
}

function isTooLarge(error: unknown): error is CompileError {
  return error instanceof CompileError && TOO_LARGE.includes(error.code);
}

type Choices = ReadonlyMap<string, ActivationChoice>;

interface Candidate {
  readonly choices: Choices;
  readonly approximation: Approximation;
  /** By activation, the state before it. */
  readonly checkpoints: ReadonlyMap<string, Checkpoint>;
}

interface SearchResult {
  readonly best: Candidate;
  /** Of uniform degrees below the best one's, highest first. */
  readonly lower: readonly Candidate[];
  /** Activations whose degree is open. */
  readonly open: readonly ActivationSite[];
  readonly search: Search;
  /** What was tried beyond the best, for who is told that it is not good enough. */
  readonly advice: string;
  readonly warnings: readonly string[];
}

/** What all candidates of a search have in common. */
interface Search {
  readonly context: ApproximationContext;
  readonly judge: Judge;
  /** In the percent of the outputs' own measure. */
  readonly limitOf: (approximation: Approximation) => number;
}

async function search(
  context: ApproximationContext,
  options: CompileOptions,
  { holdable, refreshed }: DegreePlan,
): Promise<SearchResult> {
  const { sites, progress } = context;
  const open = sites.filter((site) => site.fixed === null);
  const uniform = (degree: number | null): Choices => {
    const behind = refreshed.get(degree);
    return new Map(
      sites.map((site) => {
        const choice = site.fixed ?? ({ kind: 'degree', degree: degree! } as const);
        return [site.name, behind?.has(site.name) === true ? refreshedChoice(choice, FUSED_RATIO) : choice];
      }),
    );
  };
  /** Degrees cost little beside refreshes, which stay where they are. */
  const refreshes = (degree: number): boolean => (refreshed.get(degree)?.size ?? 0) > 0;
  const lowerable =
    open.length > 1 && open.length <= MAX_GREEDY_SITES && !(holdable.length > 0 && holdable.every(refreshes));
  // What nothing holds is only worth fitting where single activations may then be lowered.
  const considered = lowerable
    ? CANDIDATE_DEGREES
    : CANDIDATE_DEGREES.filter((degree) => holdable.includes(degree));
  const candidates =
    open.length === 0 ? 1 : considered.length + (lowerable ? open.length * (considered.length - 1) : 0);
  const judge = new Judge(context, DEFAULT_ERROR / candidates);
  const limitOf = ({ comparison }: Approximation): number => limitFor(comparison.drop.measure, options);
  const common = { open, search: { context, judge, limitOf } };
  const degrees =
    open.length > MAX_GREEDY_SITES ? await promising(considered, common.search, uniform) : considered;
  if (open.length === 0) {
    const choices = uniform(null);
    const { approximation, warnings } = await reachPrecision(context, choices);
    const judged =
      sites.length === 0 ? approximation : await judge.judge(approximation, limitOf(approximation));
    const best = { choices, approximation: judged, checkpoints: new Map<string, Checkpoint>() };
    return { ...common, best, lower: [], advice: '', warnings };
  }

  // Everything before the first site that is searched is the same for all candidates.
  const tried: Candidate[] = [];
  let start: Checkpoint | undefined;
  const sameBefore = refreshed.size === 0 || open[0] === sites[0];
  const shown = (one: Candidate): boolean =>
    isWithin(one.approximation.comparison.drop, limitOf(one.approximation));
  for (const [index, degree] of degrees.entries()) {
    progress.report('select-degrees', index / (degrees.length + 1));
    const choices = uniform(degree);
    const checkpoints = new CheckpointStore(context, choices);
    const fitted = await approximateActivations(context, choices, start, (site, checkpoint) => {
      if (site === open[0] && sameBefore) start ??= checkpoint;
      checkpoints.add(site, checkpoint);
    });
    const approximation = await judge.judge(fitted, limitOf(fitted));
    tried.push({ choices, approximation, checkpoints: checkpoints.entries });
    if (shown(tried.at(-1)!)) break;
  }
  const estimated = ({ approximation }: Candidate): boolean =>
    approximation.comparison.drop.points <= limitOf(approximation);
  // Where none is shown to keep the bound, the lowest that seems to, or else the best.
  const acceptable = shown(tried.at(-1)!) ? shown : estimated;
  const found = tried.findIndex(acceptable);
  const at = found >= 0 ? found : tried.indexOf(tried.reduce((a, b) => (isBetter(b, a) ? b : a)));
  const best = tried[at]!;
  const highest = degrees[at]!;
  const betterDegree = degrees.find(
    (_, index) => index > at && index < tried.length && isBetter(tried[index]!, best),
  );
  return {
    ...common,
    best:
      lowerable && found >= 0 && !refreshes(highest)
        ? await lowerSingly(common.search, open, best, acceptable)
        : best,
    lower: tried.slice(0, at).reverse(),
    advice:
      betterDegree !== undefined
        ? `degree ${betterDegree} did better here`
        : tried.length > at + 1
          ? `no degree above ${highest} did better here`
          : considered.length < CANDIDATE_DEGREES.length && tried.length === degrees.length
            ? `no program holds a degree above ${highest}`
            : '',
    warnings: [],
  };
}

/** Samples that show whether a degree is out of the question. */
const FIRST_LOOK = 900;

/** Of a network that takes long to fit, the degrees that a few samples do not rule out beyond doubt, and the highest anyway. */
async function promising(
  degrees: readonly number[],
  { context, limitOf }: Search,
  uniform: (degree: number) => Choices,
): Promise<readonly number[]> {
  const batch = partOf(context.batch, context.graph, FIRST_LOOK);
  if (batch === context.batch) return degrees;
  for (const [index, degree] of degrees.slice(0, -1).entries()) {
    context.progress.report('first-look', index / degrees.length);
    const first = await approximateActivations({ ...context, batch }, uniform(degree));
    if (first.comparison.drop.lower <= limitOf(first)) return degrees.slice(index);
  }
  return degrees.slice(-1);
}

function isBetter(a: Candidate, b: Candidate): boolean {
  return a.approximation.comparison.drop.points < b.approximation.comparison.drop.points;
}

/** Attempts at reaching the precision asked for at the output by asking for more at the activations. */
const PRECISION_ATTEMPTS = 4;

/**
 * Activations that are to keep a number of bits do so one by one; errors grow on their way through the layers that follow.
 * All of them are asked for more until the output keeps what was asked for.
 */
async function reachPrecision(
  context: ApproximationContext,
  choices: Choices,
): Promise<{ readonly approximation: Approximation; readonly warnings: readonly string[] }> {
  let approximation = await approximateActivations(context, choices);
  const precise = [...choices.values()].flatMap((choice) =>
    choice.kind === 'precision' ? [choice.bits] : [],
  );
  // At a jump, calibration inputs that come close to it are off by the jump, whatever the precision.
  const jumps = context.sites.some(({ activation }) => activation !== null && isJump(activation));
  if (precise.length === 0 || jumps) return { approximation, warnings: [] };
  const asked = Math.max(...precise);
  let raised = choices;
  let kept = keptBits(approximation);
  for (let attempt = 1; attempt < PRECISION_ATTEMPTS && kept < asked; attempt++) {
    const missing = Math.min(asked - kept, MAX_RAISE) + 0.2;
    raised = new Map(
      [...raised].map(([name, choice]) => [
        name,
        choice.kind === 'precision' ? { ...choice, bits: choice.bits + missing } : choice,
      ]),
    );
    try {
      const candidate = await approximateActivations(context, raised);
      if (keptBits(candidate) <= kept) break;
      approximation = candidate;
      kept = keptBits(candidate);
    } catch (error) {
      if (!(error instanceof CompileError) || error.code !== 'ACTIVATION_TOO_STEEP') throw error;
      break;
    }
  }
  const warnings =
    kept >= asked
      ? []
      : [`the outputs keep ${kept.toFixed(1)} of the ${asked} bits asked for through all approximations`];
  return { approximation, warnings };
}

/** Bits asked for beyond the last attempt's, at most. */
const MAX_RAISE = 6;

/** −log2 of the largest output error on held-out inputs over the largest output. */
function keptBits({ comparison: { quality, largestOutput, overflows } }: Approximation): number {
  if (overflows > 0) return 0;
  return quality.maxOutputError === 0 ? Infinity : -Math.log2(quality.maxOutputError / largestOutput);
}

/**
 * Lowers one activation after another, the last first: that keeps the prefix of the graph, whose checkpoints are
 * reused, and each activation tries the lowest degree first.
 */
async function lowerSingly(
  search: Search,
  open: readonly ActivationSite[],
  from: Candidate,
  acceptable: (candidate: Candidate) => boolean,
): Promise<Candidate> {
  const { context } = search;
  let current = from;
  for (const [index, site] of [...open].reverse().entries()) {
    context.progress.report('select-degrees', 0.5 + (0.5 * index) / open.length);
    const chosen = current.choices.get(site.name)!;
    for (const degree of CANDIDATE_DEGREES) {
      if (chosen.kind !== 'degree' || degree >= chosen.degree) break;
      const candidate = await withDegree(search, current, site, degree);
      if (!acceptable(candidate) || !isWorthIt(search, current, candidate)) continue;
      current = candidate;
      break;
    }
  }
  return current;
}

/** Whether lowering takes no larger share of what the bound allows than of the levels, counted as if all activations lay in a row. */
function isWorthIt({ limitOf }: Search, from: Candidate, to: Candidate): boolean {
  const [before, after] = [from, to].map(({ choices }) => levelsInARow(choices));
  const [dropBefore, dropAfter] = [from, to].map(({ approximation }) => approximation.comparison.drop.points);
  return (dropAfter! - dropBefore!) / limitOf(to.approximation) <= 1 - after! / before!;
}

/** Levels of the activations, and of a linear map before each and after the last. */
function levelsInARow(choices: Choices): number {
  const degreeOf = (choice: ActivationChoice): number => (choice.kind === 'degree' ? choice.degree : 2);
  return [...choices.values()].reduce((sum, choice) => sum + 1 + polynomialDepth(degreeOf(choice), true), 1);
}

/**
 * From the highest uniform degree that fits: activations raised towards the degrees wanted, one after another, the last first,
 * where that helps and still fits. Null if not even the lowest degrees fit.
 */
async function bestThatFits<T>(
  { best, lower, open, search }: SearchResult,
  attempt: (candidate: Candidate) => Promise<T | null>,
): Promise<T | null> {
  for (const uniform of lower) {
    const fitting = await attempt(uniform);
    if (fitting === null) continue;
    let current = { candidate: uniform, result: fitting };
    if (hasRefresh(uniform.choices) || open.length === 1 || open.length > MAX_GREEDY_SITES)
      return current.result;
    for (const [index, site] of [...open].reverse().entries()) {
      search.context.progress.report('select-degrees', 0.5 + (0.5 * index) / open.length);
      const wanted = best.choices.get(site.name)!;
      const chosen = current.candidate.choices.get(site.name)!;
      if (wanted.kind !== 'degree' || chosen.kind !== 'degree' || wanted.degree <= chosen.degree) continue;
      const raised = await withDegree(search, current.candidate, site, wanted.degree);
      if (!isBetter(raised, current.candidate)) continue;
      const result = await attempt(raised);
      if (result !== null) current = { candidate: raised, result };
    }
    return current.result;
  }
  return null;
}

function hasRefresh(choices: Choices): boolean {
  return [...choices.values()].some(isRefreshed);
}

/** One activation changed; what comes before it is not computed again if it is at hand. */
async function withDegree(
  { context, judge, limitOf }: Search,
  { choices, checkpoints }: Candidate,
  site: ActivationSite,
  degree: number,
): Promise<Candidate> {
  const changed = new Map([...choices, [site.name, { kind: 'degree', degree } as const]]);
  const start = checkpoints.get(site.name) ?? startCheckpoint(context);
  const fitted = await approximateActivations(context, changed, start);
  return { choices: changed, approximation: await judge.judge(fitted, limitOf(fitted)), checkpoints };
}
