/**
 * From the normalised linear graph to the cheapest program that is secure and precise enough. Composing neighbours trades
 * diagonals for levels, and what a level is worth depends on the ring: compositions are searched in every ring that may
 * hold one, from the smallest up, and the cheapest that the ring holds with enough precision is the ring's candidate.
 */
import { CompileError } from '../../errors.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import { costModelFor, sealCostModel } from '../analysis/cost-model.ts';
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
import { leastDepth, LinearComposer, reduceLinear } from './compose-linear.ts';
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

/** Of a level, see `weightedCost`: from what it costs within a ring to depth at any price. */
const DEPTH_WEIGHTS = [0, 1, 2, 50];

/** Where no ring holds any composition, the shallowest is found in the largest. */
const LARGEST = sealCostModel(32768, 20);

/** @throws CompileError DEPTH_EXCEEDED, PRECISION_UNREACHABLE, MEMORY_EXCEEDED, KEY_BUDGET_TOO_SMALL */
export function selectProgram(
  graph: LinearGraph,
  samples: Samples,
  options: CompileOptions,
  { pass, progress }: { pass: PassHook; progress: Progress },
): SelectedProgram {
  const products = new MatrixProducts();
  const reduced = reduceLinear(graph, products);
  const candidates: Candidate[] = [];
  let best: Candidate | null = null;
  for (const ring of parametersFor(reduced, options, leastDepth(reduced))) {
    progress.report('pack', 0);
    const costs = costModelFor(options.backend, ring);
    // What composing has planned, packing finds again.
    const planner = new TransformPlanner(costs, 1);
    const compositions = new LinearComposer(reduced, products, costs, planner).composeAll(DEPTH_WEIGHTS);
    // Cheapest first: deeper ones may fail where shallower ones leave more bits per level.
    for (const [index, composition] of compositions.entries()) {
      // Outputs are the same in all compositions: for the parameters, only the depth differs.
      const parameters = [...parametersFor(reduced, options, depthOf(composition))].find(
        ({ polyModulusDegree }) => polyModulusDegree === ring.polyModulusDegree,
      );
      if (parameters === undefined) continue;
      progress.report('pack', index / compositions.length);
      const linear = pass('compose-linear', refreshBounds(composition, samples));
      const candidate = build(linear, samples, parameters, options, planner, pass);
      candidates.push(candidate);
      if (candidate.bits < options.precision || candidate.obstacle !== null) continue;
      // A larger ring only helps if it lets in a cheaper composition, and one step larger is enough for that.
      if (best !== null) return candidate.latency < best.latency ? candidate : best;
      if (index === 0) return candidate;
      best = candidate;
      break;
    }
  }
  if (best !== null) return best;
  const sufficient = candidates.filter(({ bits }) => bits >= options.precision);
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
      {
        pass: 'select-program',
        hint:
          bits >= 1
            ? 'lower --precision, or lower the degrees with --activation'
            : 'bits count against the range of the outputs over the calibration inputs: check that these vary (--calibration) and that the output depends on the input',
      },
    );
  }
  const [shallowest] = new LinearComposer(reduced, products, LARGEST).composeAll(DEPTH_WEIGHTS.slice(-1));
  throw explainDepth(shallowest!, assignLevels(shallowest!), demandOf(shallowest!, options));
}

function depthOf(graph: LinearGraph): number {
  return Math.max(...assignLevels(graph));
}

function demandOf(
  linear: LinearGraph,
  { security, precision }: CompileOptions,
  depth = depthOf(linear),
): ParameterDemand {
  const outputBound = Math.max(...linear.outputs.map((output) => linear.nodes[output.node]!.bound));
  return { depth, outputBound, security, precision };
}

function parametersFor(
  linear: LinearGraph,
  options: CompileOptions,
  depth: number,
): Iterable<CkksParameters> {
  const demand = demandOf(linear, options, depth);
  return options.backend === 'cleartext'
    ? [clearParameters(linear, demand.depth)]
    : parameterCandidates(demand);
}

function build(
  linear: LinearGraph,
  samples: Samples,
  parameters: CkksParameters,
  options: CompileOptions,
  planner: TransformPlanner,
  pass: PassHook,
): Candidate {
  const levels = assignLevels(linear);
  const cost = costModelFor(options.backend, parameters);
  const pack = (maxKeyBytes: number | null): { packed: PackedProgram; program: Program } => {
    const packed = pass('pack-program', packProgram(linear, levels, cost, { maxKeyBytes, planner }));
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
