/**
 * From the normalised linear graph to the cheapest program that is secure and precise enough. Composing neighbours trades
 * diagonals for levels, and what a level is worth depends on the ring: compositions are searched in every ring that may
 * hold one, from the smallest up, and the cheapest that the ring holds with enough precision is the ring's candidate. Where a
 * ring has several chains (see `targets/`), the quickest that is precise enough is taken. Where memory is what counts,
 * it is the smallest instead, of all compositions and chains of the smallest ring that holds one.
 */
import { CompileError } from '../../errors.ts';
import { elementCount } from '../../program/layout.ts';
import type { CkksParameters } from '../../program/security.ts';
import { ringDegrees } from '../../program/security-tables.ts';
import { batchLatency } from '../analysis/batch-cost.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import { explainDepth, LongestChains } from '../analysis/explain-depth.ts';
import { memoryHint } from '../analysis/memory-hint.ts';
import { outputReach } from '../analysis/units.ts';
import { precisionOf } from '../analysis/noise.ts';
import type { ChainLength, LeveledGraph } from '../ir/leveled-graph.ts';
import type { GraphNode, LinearGraph } from '../ir/linear-graph.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import { TransformPlanner } from '../linear/transform.ts';
import type { CompileOptions, Progress } from '../options.ts';
import { clearParameters } from '../targets/clear-parameters.ts';
import { targetOf } from '../targets/registry.ts';
import {
  buildCandidate,
  costOf,
  latencyOf,
  underChain,
  withinKeys,
  type BuildContext,
  type Candidate,
  type PassHook,
  type Samples,
  type SelectedProgram,
} from './build-candidate.ts';
import type { ParameterDemand } from './chain-demand.ts';
import { layoutLatency, LinearComposer, placeLeast, reduceLinear } from './compose-linear.ts';
import { manageScales } from './manage-scales.ts';
import { normaliseMagnitudes } from './normalise-magnitudes.ts';
import { requireSampleInputs } from './pack-batch.ts';
import { placeLevels } from './place-levels.ts';
import { ringCandidates, type RingCandidate } from './select-parameters.ts';

export type { PassHook, Samples, SelectedProgram } from './build-candidate.ts';

/** Of a level, see `weightedCost`: from what it costs within a ring to depth at any price. */
const DEPTH_WEIGHTS = [0, 1, 2, 50];

/** A chain has to be predicted to be so much quicker for the program to be planned anew for it. */
const REPLAN_GAIN = 0.99;

/** Noise of results is certified with so many standard deviations, nearly. */
const CERTIFIED_DEVIATIONS = 4;

/** In its unit: what is this small is so because of its own magnitude, not for want of bits. */
const SMALL_VALUE = 2 ** -8;

/** @throws CompileError DEPTH_EXCEEDED, PRECISION_UNREACHABLE, MEMORY_EXCEEDED, KEY_BUDGET_TOO_SMALL */
export function selectProgram(
  graph: LinearGraph,
  calibration: Samples,
  options: CompileOptions,
  { pass, progress }: { pass: PassHook; progress: Progress },
): SelectedProgram {
  const { refresh } = targetOf(options.backend);
  const throughput = options.optimize === 'throughput';
  if (throughput) requireSampleInputs(graph, options.batch, mostSlots(options));
  // Slots without a sample hold zeros, and whatever the model makes of them must stay within bounds too.
  const samples = throughput ? [...calibration, zeroSample(graph)] : calibration;
  const products = new MatrixProducts();
  const reduced = reduceLinear(graph, products);
  const context: BuildContext = { samples, options, pass };
  const candidates: Candidate[] = [];
  const leanest = options.optimize === 'memory';
  let best: Candidate | null = null;
  let shallowest: LinearGraph | null = null;
  for (const ring of ringsFor(reduced, options, placeLeast(reduced, refresh).length)) {
    progress.report('pack', 0);
    const costs = costsOf(quickestChain(ring, options), options);
    // What composing has planned, packing finds again.
    const planner = new TransformPlanner(costs, 1);
    const compositions = new LinearComposer(
      reduced,
      products,
      throughput ? (composed) => batchLatency(composed, costs) : layoutLatency(costs, planner),
      refresh,
    ).composeAll(DEPTH_WEIGHTS);
    shallowest ??= compositions.at(-1)!;
    // Cheapest first: deeper ones may fail where shallower ones leave more bits per level.
    for (const [index, composition] of compositions.entries()) {
      const own = sameRing(ring, ringsFor(composition, options, placeLevels(composition, refresh).length));
      if (own === null) continue;
      progress.report('pack', index / compositions.length);
      const composed = pass('compose-linear', refreshBounds(composition, samples));
      const normalised = pass('normalise-magnitudes', normaliseMagnitudes(composed));
      const leveled = pass('place-levels', placeLevels(normalised, refresh));
      const candidate = bestChain(leveled, own, planner, context);
      candidates.push(candidate);
      if (!suffices(candidate, options)) continue;
      if (leanest) {
        if (best === null || candidate.leastBytes < best.leastBytes) best = candidate;
        continue;
      }
      // A larger ring only helps if it lets in a cheaper composition, and one step larger is enough for that.
      if (best !== null) return candidate.cost < best.cost ? candidate : best;
      if (index === 0) return candidate;
      best = candidate;
      break;
    }
    // Twice the degree is twice the memory of everything.
    if (leanest && best !== null) return best;
  }
  if (best !== null) return best;
  throw refusal(candidates, options) ?? tooDeep(shallowest ?? reduced, shallowest, options);
}

function suffices({ bits, obstacle, overflow }: Candidate, { precision }: CompileOptions): boolean {
  return bits >= precision && obstacle === null && overflow === null;
}

/**
 * The quickest chain of the ring that is precise enough and fits; if there is none, the most precise one. The program is planned
 * for a chain that promises much, then held against the others, and planned anew for the one that turns out best.
 */
function bestChain(
  linear: LeveledGraph,
  ring: RingCandidate,
  planner: TransformPlanner,
  context: BuildContext,
): Candidate {
  const { options } = context;
  const { first, planned } = planFirst(linear, ring, planner, context);
  if (ring.chains.length === 1) return planned;
  if (options.optimize === 'memory') return leanestChain(linear, ring, planned, context);
  const ranked = ring.chains
    .map((chain) => {
      const program = manageScales(planned.packed, chain);
      return { chain, cost: costOf(program, chain, costsOf(chain, options), options) };
    })
    .sort((a, b) => a.cost - b.cost);
  let fallback = planned;
  for (const { chain, cost } of ranked) {
    if (chain === first && suffices(planned, options)) return planned;
    const candidate = chain === first ? planned : underChain(planned, chain, context);
    if (candidate.bits < options.precision) {
      if (candidate.bits > fallback.bits) fallback = candidate;
      continue;
    }
    if (candidate.obstacle === null && cost > REPLAN_GAIN * planned.cost && suffices(planned, options))
      return planned;
    const replanned = withinKeys(() => plannedFor(linear, chain, context));
    if (replanned === null) continue;
    const better = replanned.cost <= candidate.cost || candidate.obstacle !== null;
    const chosen = better && replanned.bits >= options.precision ? replanned : candidate;
    if (suffices(chosen, options)) return chosen;
    fallback = fallback.bits >= options.precision ? fallback : chosen;
  }
  return fallback;
}

/** The chain that needs least memory among those that are precise enough; if there is none, what was planned first. */
function leanestChain(
  linear: LeveledGraph,
  { chains }: RingCandidate,
  planned: Candidate,
  context: BuildContext,
): Candidate {
  const { options } = context;
  const sufficient = [planned, ...chains.map((chain) => underChain(planned, chain, context))].filter(
    (candidate) => suffices(candidate, options),
  );
  if (sufficient.length === 0) return planned;
  const smaller = (a: Candidate, b: Candidate): Candidate => (b.leastBytes < a.leastBytes ? b : a);
  const best = sufficient.reduce(smaller);
  const replanned = withinKeys(() => plannedFor(linear, best.parameters, context));
  return replanned !== null && suffices(replanned, options) ? smaller(best, replanned) : best;
}

/** For the chain that promises most; where the key budget holds no keys of it, for the first whose keys are small enough. */
function planFirst(
  linear: LeveledGraph,
  ring: RingCandidate,
  planner: TransformPlanner,
  context: BuildContext,
): { readonly first: CkksParameters; readonly planned: Candidate } {
  const quickest = quickestChain(ring, context.options);
  const refusals: CompileError[] = [];
  for (const first of [quickest, ...ring.chains.filter((chain) => chain !== quickest)]) {
    const build = (): Candidate =>
      first === quickest
        ? buildCandidate(linear, first, planner, context)
        : plannedFor(linear, first, context);
    const planned = withinKeys(build, (refused) => refusals.push(refused));
    if (planned !== null) return { first, planned };
  }
  throw refusals[0]!;
}

function plannedFor(linear: LeveledGraph, chain: CkksParameters, context: BuildContext): Candidate {
  return buildCandidate(linear, chain, new TransformPlanner(costsOf(chain, context.options), 1), context);
}

/** By a mix of operations at all levels: what a program is planned for first. */
export function quickestChain({ chains }: RingCandidate, options: CompileOptions): CkksParameters {
  const price = (chain: CkksParameters): number => {
    const cost = costsOf(chain, options);
    return chain.dataPrimes.reduce((sum, _, level) => {
      const { open, baby, giant, term, output } = cost.linear(level);
      return sum + open + 6 * baby + 6 * giant + 40 * term + output + cost.relinearize(level);
    }, 0);
  };
  return chains.reduce((best, chain) => (price(chain) < price(best) ? chain : best));
}

export function costsOf(chain: CkksParameters, { backend, profile }: CompileOptions): CostModel {
  return targetOf(backend).costs(chain, profile);
}

/** Programs were built, but none will do: why. Null if there was not even a chain for one. */
function refusal(candidates: readonly Candidate[], options: CompileOptions): CompileError | null {
  const sufficient = candidates.filter(({ bits }) => bits >= options.precision);
  const held = sufficient.find(({ overflow }) => overflow === null);
  const [overflowing] = sufficient;
  if (held === undefined && overflowing !== undefined) return tooLarge(overflowing);
  if (held !== undefined) {
    return new CompileError('MEMORY_EXCEEDED', held.obstacle ?? '', {
      pass: 'select-program',
      hint:
        options.optimize === 'throughput'
          ? 'throughput mode has a ciphertext for every element of a tensor, which is too much for wide layers: leave out --optimize throughput'
          : memoryHint(options),
    });
  }
  if (candidates.length === 0) return null;
  // Rounded down: as many may be asked for.
  const best = candidates.reduce((a, b) => (b.bits > a.bits ? b : a));
  const bits = Math.floor(10 * best.bits) / 10;
  const lossy = firstImprecise(best, options);
  const where = lossy === null ? '' : `; it is lost in layer '${lossy.layer}', ${describeMagnitude(lossy)}`;
  return new CompileError(
    'PRECISION_UNREACHABLE',
    `the forecast output precision is ${bits.toFixed(1)} bits at best, ${options.precision} are asked for${where}`,
    {
      ...(lossy === null ? {} : { node: lossy.layer }),
      pass: 'select-program',
      hint:
        bits >= 1
          ? 'lower --precision, or lower the degrees with --activation'
          : 'bits count against the range of the outputs over the calibration inputs: check that these vary (--calibration) and that the output depends on the input',
    },
  );
}

/** The first value, on the way to the outputs, whose noise leaves less of it than is asked for. */
function firstImprecise({ linear, noise }: Candidate, { precision }: CompileOptions): GraphNode | null {
  const bitsOf = ({ id, bound }: GraphNode): number =>
    precisionOf(CERTIFIED_DEVIATIONS * noise.std[id]!, bound);
  return linear.nodes.find((node) => bitsOf(node) < precision) ?? null;
}

function describeMagnitude({ bound, unit = 1 }: GraphNode): string {
  const values = `whose values are up to ${(bound * unit).toPrecision(3)}`;
  if (bound >= SMALL_VALUE) return values;
  return `${values}, ${Math.round(-Math.log2(bound))} bits below what it is computed from: magnitudes differ too much there`;
}

/** Magnitudes within one layer that no unit reconciles: say so, instead of blaming depth or size. */
function tooLarge({ overflow, linear }: Candidate): CompileError {
  const { value, what, excessBits } = overflow!;
  const { layer, bound, unit = 1 } = linear.nodes[value]!;
  return new CompileError(
    'MAGNITUDE_EXCEEDED',
    `the ${what} of layer '${layer}', whose results are up to ${(bound * unit).toPrecision(3)}, exceed what its modulus holds ` +
      `by a factor of 2^${Math.ceil(excessBits)}`,
    {
      node: layer,
      pass: 'select-program',
      hint: 'weights of this layer, or values that it reads, differ too much in magnitude: normalise them (fold scales into the layers before), or leave out channels that are constant',
    },
  );
}

/** @param composed null where no ring holds even the least depth: nothing is composed then */
export function tooDeep(
  graph: LinearGraph,
  composed: LinearGraph | null,
  options: CompileOptions,
  longest?: LongestChains,
): CompileError {
  const { refresh } = targetOf(options.backend);
  const leveled = composed === null ? placeLeast(graph, refresh) : placeLevels(graph, refresh);
  return explainDepth(leveled, demandOf(graph, options, leveled.length), options.backend, longest);
}

function mostSlots({ security }: CompileOptions): number {
  return Math.max(...ringDegrees(security)) / 2;
}

function zeroSample(graph: LinearGraph): Float64Array[] {
  return graph.nodes
    .filter((node) => node.kind === 'input')
    .map(({ shape }) => new Float64Array(elementCount(shape)));
}

/** Predicted milliseconds of one sample in latency mode: what throughput is held against. Null if there is no such program. */
export function latencyOfSingle(
  graph: LinearGraph,
  samples: Samples,
  options: CompileOptions,
  progress: Progress,
): number | null {
  try {
    const single = { ...options, optimize: 'latency', batch: 1 } as const;
    const { program, parameters } = selectProgram(graph, samples, single, {
      pass: (_, result) => result,
      progress,
    });
    return latencyOf(program, parameters, costsOf(parameters, options), options);
  } catch (error) {
    if (error instanceof CompileError) return null;
    throw error;
  }
}

function demandOf(
  linear: LinearGraph,
  { security, precision }: CompileOptions,
  length: ChainLength,
): ParameterDemand {
  const singleOutput = linear.outputs.some(({ node }) => elementCount(linear.nodes[node]!.shape) === 1);
  return { ...length, outputBound: outputReach(linear), security, precision, singleOutput };
}

function sameRing(
  { polyModulusDegree }: RingCandidate,
  rings: Iterable<RingCandidate>,
): RingCandidate | null {
  for (const ring of rings) if (ring.polyModulusDegree === polyModulusDegree) return ring;
  return null;
}

/** From the smallest; each takes a search for primes. */
export function* ringsFor(
  linear: LinearGraph,
  options: CompileOptions,
  length: ChainLength,
): Generator<RingCandidate> {
  const demand = demandOf(linear, options, length);
  // In throughput mode every sample of the batch has a slot, and no tensor more than that.
  const slots = options.optimize === 'throughput' ? options.batch : 0;
  const target = targetOf(options.backend);
  if (!target.encrypts) {
    const chain = clearParameters(linear, demand.depth, slots);
    yield { polyModulusDegree: chain.polyModulusDegree, chains: [chain] };
    return;
  }
  for (const ring of ringCandidates(demand, target)) {
    if (ring.polyModulusDegree / 2 >= slots) yield ring;
  }
}
