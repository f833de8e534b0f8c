/**
 * Chooses the degree of every activation by what it costs in accuracy on held-out samples: the smallest uniform degree
 * that is good enough, then single activations lowered as long as it stays good enough.
 */
import type { PolynomialGraph } from '../ir/polynomial-graph.ts';
import type { TensorGraph } from '../ir/tensor-graph.ts';
import type { ActivationChoice, CompileOptions, Progress } from '../options.ts';
import { Blas } from '../reference/blas.ts';
import { approximateActivations } from './approximate-activations.ts';
import { loadCalibration, unbatch, withBatchSize } from './approximation/calibration-batch.ts';
import type { Drop } from './approximation/quality.ts';
import { DEFAULT_SETTINGS } from './approximation/settings.ts';
import type { ActivationSite } from './approximation/sites.ts';
import { findSites } from './approximation/sites.ts';
import type { Approximation, ApproximationContext, Checkpoint } from './approximation/walk.ts';
import { startCheckpoint } from './approximation/walk.ts';
import { calibrateRanges } from './calibrate-ranges.ts';

export { calibrationInputs } from './approximation/calibration-batch.ts';

/** Powers of two make full use of their depth: 1, 2, 3, 4 levels (the leading coefficient is folded away). */
const CANDIDATE_DEGREES = [2, 4, 8, 16] as const;
/** Above this many activations, trying each of them takes longer than it gains. */
const MAX_GREEDY_SITES = 8;
/** Bytes of checkpoints kept for restarting in the middle of the graph. */
const CHECKPOINT_BUDGET = 1.5e9;

/**
 * Approximates every activation of a graph: the entry point of the pipeline.
 * @throws CompileError DATASET_MISMATCH, UNKNOWN_ACTIVATION, INVALID_DEGREE, NOT_PIECEWISE_LINEAR, REFERENCE_FAILED;
 *   BackendError CANCELLED
 */
export async function approximate(
  graph: TensorGraph,
  options: CompileOptions,
  progress: Progress,
): Promise<PolynomialGraph> {
  const { single, batchSize } = unbatch(graph);
  const sites = findSites(single, options.activations);
  const batch = loadCalibration(single, options);
  await using blas = await Blas.open();
  const settings = { ...DEFAULT_SETTINGS, seed: options.seed };
  const context: ApproximationContext = { graph: single, sites, batch, blas, progress, settings };
  const { approximation, warnings } = await search(context, options);
  const ranges = await calibrateRanges(approximation.graph, batch.inputs, progress);
  return {
    graph: batchSize === 1 ? approximation.graph : withBatchSize(approximation.graph, batchSize),
    approximations: approximation.approximations,
    quality: approximation.comparison.quality,
    ranges,
    warnings: [...batch.warnings, ...approximation.warnings, ...warnings],
  };
}

/**
 * The best estimate of the drop, in percentage points. Held-out inputs usually come from the data that the model was
 * trained on, where it is more accurate than elsewhere and has more to lose, so the estimate errs on the safe side; a confidence
 * bound on top of it would spend levels on sampling noise.
 */
function drop({ points }: Drop): number {
  return points;
}

type Choices = ReadonlyMap<string, ActivationChoice>;

interface SearchResult {
  readonly approximation: Approximation;
  readonly warnings: readonly string[];
}

async function search(context: ApproximationContext, options: CompileOptions): Promise<SearchResult> {
  const { sites, progress } = context;
  const open = sites.filter((site) => site.fixed === null);
  const uniform = (degree: number): Choices =>
    new Map(sites.map((site) => [site.name, site.fixed ?? ({ kind: 'degree', degree } as const)]));
  const limit = options.maxAccuracyDrop;
  const fixedChoices = uniform(0);
  if (open.length === 0) {
    const approximation = await approximateActivations(context, fixedChoices);
    return { approximation, warnings: resultWarnings(approximation, limit, sites.length === 0) };
  }

  // Everything before the first site that is searched is the same for all candidates.
  let best: { choices: Choices; approximation: Approximation; checkpoints: Map<string, Checkpoint> } | null =
    null;
  let start: Checkpoint | undefined;
  for (const [index, degree] of CANDIDATE_DEGREES.entries()) {
    progress.report('select-degrees', index / (CANDIDATE_DEGREES.length + 1));
    const choices = uniform(degree);
    const checkpoints = new CheckpointStore(context);
    const approximation = await approximateActivations(context, choices, start, (site, checkpoint) => {
      if (site === open[0]) start ??= checkpoint;
      checkpoints.add(site, checkpoint);
    });
    if (best === null || drop(approximation.comparison.drop) < drop(best.approximation.comparison.drop)) {
      best = { choices, approximation, checkpoints: checkpoints.entries };
    }
    if (drop(approximation.comparison.drop) <= limit) {
      best = { choices, approximation, checkpoints: checkpoints.entries };
      break;
    }
  }
  const acceptable = drop(best!.approximation.comparison.drop) <= limit;
  const lowerable = acceptable && open.length > 1 && open.length <= MAX_GREEDY_SITES;
  const approximation = lowerable ? await lowerSingly(context, open, best!, limit) : best!.approximation;
  return { approximation, warnings: resultWarnings(approximation, limit, false) };
}

/**
 * Lowers one activation after another, the last first: that keeps the prefix of the graph, whose checkpoints are
 * reused, and each activation tries the lowest degree first.
 */
async function lowerSingly(
  context: ApproximationContext,
  open: readonly ActivationSite[],
  from: { choices: Choices; approximation: Approximation; checkpoints: ReadonlyMap<string, Checkpoint> },
  limit: number,
): Promise<Approximation> {
  let { choices, approximation } = from;
  for (const [index, site] of [...open].reverse().entries()) {
    context.progress.report('select-degrees', 0.5 + (0.5 * index) / open.length);
    const current = choices.get(site.name)!;
    for (const degree of CANDIDATE_DEGREES) {
      if (current.kind !== 'degree' || degree >= current.degree) break;
      const lowered = new Map([...choices, [site.name, { kind: 'degree', degree } as const]]);
      const start = from.checkpoints.get(site.name) ?? startCheckpoint(context);
      const candidate = await approximateActivations(context, lowered, start);
      if (drop(candidate.comparison.drop) > limit) continue;
      choices = lowered;
      approximation = candidate;
      break;
    }
  }
  return approximation;
}

/** Keeps the checkpoints before the sites as long as they fit in memory. */
class CheckpointStore {
  readonly entries = new Map<string, Checkpoint>();
  readonly #context: ApproximationContext;
  readonly #arrays = new Set<Float32Array>();
  #bytes = 0;

  constructor(context: ApproximationContext) {
    this.#context = context;
  }

  add(site: ActivationSite, checkpoint: Checkpoint): void {
    if (this.#context.sites.length > MAX_GREEDY_SITES) return;
    const added = new Set(
      [...checkpoint.original.values(), ...checkpoint.approximated.values()].filter(
        (array) => !this.#arrays.has(array),
      ),
    );
    const bytes = [...added].reduce((sum, array) => sum + array.byteLength, 0);
    if (this.#bytes + bytes > CHECKPOINT_BUDGET) return;
    this.#bytes += bytes;
    for (const array of added) this.#arrays.add(array);
    this.entries.set(site.name, checkpoint);
  }
}

function resultWarnings({ comparison }: Approximation, limit: number, exact: boolean): string[] {
  const warnings: string[] = [];
  if (comparison.overflows > 0) {
    warnings.push(
      `${comparison.overflows} of ${comparison.quality.samples} held-out calibration inputs overflow: they leave the range ` +
        `of a polynomial; more calibration data widens the ranges`,
    );
  }
  if (exact || drop(comparison.drop) <= limit) return warnings;
  const { measure, points, standardError } = comparison.drop;
  const what = {
    accuracy: 'accuracy drops by',
    agreement: 'the class changes for a share of inputs of',
    'output-error': 'the output error corresponds to',
  }[measure];
  warnings.push(
    `${what} ${points.toFixed(2)} ± ${standardError.toFixed(2)} percentage points on held-out calibration inputs, more ` +
      `than the ${limit} allowed; more calibration data, a higher degree or relu-composite activations may help`,
  );
  return warnings;
}
