/**
 * From the normalised linear graph to the cheapest program that is secure and precise enough. Composing neighbours trades
 * diagonals for levels, and what a level is worth shows only once the program is packed: a moderate and an eager
 * composition are both tried if they differ in depth, each in the smallest ring whose forecast reaches the precision.
 */
import { CompileError } from '../../errors.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import { costModelFor, sealCostModel, type CostModel } from '../analysis/cost-model.ts';
import { explainDepth } from '../analysis/explain-depth.ts';
import { predictLatency } from '../analysis/latency.ts';
import { assignLevels } from '../analysis/levels.ts';
import type { NoiseForecast } from '../analysis/noise.ts';
import { sealKeyRoom, sealObstacle } from '../analysis/seal-obstacle.ts';
import { forecastOnSamples } from '../analysis/sampled-noise.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { PackedProgram } from '../ir/packed-program.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import { TransformPlanner } from '../linear/transform.ts';
import type { CompileOptions, Progress } from '../options.ts';
import { LinearComposer, reduceLinear } from './compose-linear.ts';
import { packProgram } from './emit-packed.ts';
import { manageScales } from './manage-scales.ts';
import { clearParameters, parameterCandidates, type ParameterDemand } from './select-parameters.ts';

/** Told of each pass's result; returns it. */
export type PassHook = <T>(name: string, result: T) => T;

/** Values of all graph inputs, per calibration sample. */
export type Samples = readonly (readonly Float64Array[])[];

export interface SelectedProgram {
  readonly linear: LinearGraph;
  readonly packed: PackedProgram;
  readonly program: Program;
  readonly parameters: CkksParameters;
  readonly noise: NoiseForecast;
}

interface Candidate extends SelectedProgram {
  /** Predicted milliseconds on one core. */
  readonly latency: number;
  /** Forecast precision of the worst output. */
  readonly bits: number;
  /** Why the backend cannot hold the program; null if it can. */
  readonly obstacle: string | null;
}

/** Where no ring holds the uncomposed graph, its alternatives are compared in the largest. */
const LARGEST = sealCostModel(32768, 20);

/** One planner per ring: what composing has planned, packing finds again. */
class Planners {
  readonly #known = new Map<number, TransformPlanner>();

  for(cost: CostModel): TransformPlanner {
    let known = this.#known.get(cost.slotCount);
    if (known === undefined) this.#known.set(cost.slotCount, (known = new TransformPlanner(cost, 1)));
    return known;
  }
}

/** @throws CompileError DEPTH_EXCEEDED, PRECISION_UNREACHABLE, MEMORY_EXCEEDED, KEY_BUDGET_TOO_SMALL */
export function selectProgram(
  graph: LinearGraph,
  samples: Samples,
  options: CompileOptions,
  { pass, progress }: { pass: PassHook; progress: Progress },
): SelectedProgram {
  const planners = new Planners();
  const graphs = compositions(graph, samples, options, planners, pass);
  const candidates: Candidate[] = [];
  for (const [index, linear] of graphs.entries()) {
    progress.report('pack', index / graphs.length);
    for (const parameters of parametersFor(linear, options)) {
      const candidate = build(linear, samples, parameters, options, planners, pass);
      candidates.push(candidate);
      if (candidate.bits >= options.precision) break;
    }
  }
  const sufficient = candidates.filter(({ bits }) => bits >= options.precision);
  const fitting = sufficient.filter(({ obstacle }) => obstacle === null);
  const best = fitting.sort((a, b) => a.latency - b.latency)[0];
  if (best !== undefined) return best;
  const held = sufficient[0];
  if (held !== undefined) {
    throw new CompileError('MEMORY_EXCEEDED', held.obstacle ?? '', {
      pass: 'select-program',
      hint: 'fewer levels need smaller keys: lower the degrees with --activation, or raise --max-memory-mb up to 4096; --backend cleartext verifies the model without encryption',
    });
  }
  if (candidates.length > 0) {
    const bits = Math.max(...candidates.map((candidate) => candidate.bits));
    throw new CompileError(
      'PRECISION_UNREACHABLE',
      `the forecast output precision is ${bits.toFixed(1)} bits at best, ${options.precision} are asked for`,
      { pass: 'select-program', hint: 'lower --precision, or lower the degrees with --activation' },
    );
  }
  const shallowest = graphs[graphs.length - 1]!;
  throw explainDepth(shallowest, assignLevels(shallowest), demandOf(shallowest, options));
}

/** Distinct in depth, compared in the ring that the uncomposed graph would need. */
function compositions(
  graph: LinearGraph,
  samples: Samples,
  options: CompileOptions,
  planners: Planners,
  pass: PassHook,
): LinearGraph[] {
  const products = new MatrixProducts();
  const reduced = reduceLinear(graph, products);
  const [parameters] = parametersFor(reduced, options);
  const costs = parameters === undefined ? LARGEST : costModelFor(options.backend, parameters);
  const composer = new LinearComposer(reduced, products, costs, planners.for(costs));
  const compose = (depthWeight: number): LinearGraph =>
    pass('compose-linear', refreshBounds(composer.compose(depthWeight), samples));
  const moderate = compose(1);
  const eager = compose(2);
  return depthOf(eager) < depthOf(moderate) ? [moderate, eager] : [moderate];
}

function depthOf(graph: LinearGraph): number {
  return Math.max(...assignLevels(graph));
}

function demandOf(linear: LinearGraph, { security, precision }: CompileOptions): ParameterDemand {
  const outputBound = Math.max(...linear.outputs.map((output) => linear.nodes[output.node]!.bound));
  return { depth: depthOf(linear), outputBound, security, precision };
}

function parametersFor(linear: LinearGraph, options: CompileOptions): Iterable<CkksParameters> {
  const demand = demandOf(linear, options);
  return options.backend === 'cleartext'
    ? [clearParameters(linear, demand.depth)]
    : parameterCandidates(demand);
}

function build(
  linear: LinearGraph,
  samples: Samples,
  parameters: CkksParameters,
  options: CompileOptions,
  planners: Planners,
  pass: PassHook,
): Candidate {
  const levels = assignLevels(linear);
  const cost = costModelFor(options.backend, parameters);
  const pack = (maxKeyBytes: number | null): { packed: PackedProgram; program: Program } => {
    const packed = pass('pack-program', packProgram(linear, levels, cost, { maxKeyBytes, planner: planners.for(cost) }));
    return { packed, program: pass('manage-scales', manageScales(packed, levels, parameters)) };
  };
  const asked = options.maxKeyMb === null ? null : options.maxKeyMb * 2 ** 20;
  let { packed, program } = pack(asked);
  let obstacle = obstacleTo(program, parameters, options);
  if (obstacle !== null) {
    // Rotations can be composed of fewer steps: slower, but perhaps it fits.
    const room = sealKeyRoom(program, parameters, options.maxMemoryMb);
    const tighter = packWithin(pack, Math.min(room, asked ?? room));
    if (tighter !== null) {
      ({ packed, program } = tighter);
      obstacle = obstacleTo(program, parameters, options);
    }
  }
  const noise = forecastOnSamples(program, parameters, linear, samples);
  const latency = predictLatency(program, cost).reduce((sum, ms) => sum + ms, 0);
  const bits = Math.min(...noise.outputPrecisionBits);
  return { linear, packed, program, parameters, noise, latency, bits, obstacle };
}

function obstacleTo(program: Program, parameters: CkksParameters, options: CompileOptions): string | null {
  return options.backend === 'seal' ? sealObstacle(program, parameters, options.maxMemoryMb) : null;
}

/** Null where the budget holds no set of keys from which all rotations can be composed. */
function packWithin<T>(pack: (maxKeyBytes: number) => T, maxKeyBytes: number): T | null {
  try {
    return pack(maxKeyBytes);
  } catch (error) {
    if (error instanceof CompileError && error.code === 'KEY_BUDGET_TOO_SMALL') return null;
    throw error;
  }
}
