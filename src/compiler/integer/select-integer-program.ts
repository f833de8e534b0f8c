/**
 * From the normalised linear graph to the cheapest exact integer program: for each ring the largest plain moduli that noise
 * allows, as few of them as hold the output, and within these the finest quantisation.
 */
import { CompileError } from '../../errors.ts';
import type { IntegerSummary } from '../../program/artifact.ts';
import { plainModulus } from '../../program/parameters.ts';
import type { Program } from '../../program/program.ts';
import type { CkksParameters } from '../../program/security.ts';
import { refreshBounds } from '../analysis/bounds.ts';
import type { CostModel } from '../analysis/cost-model.ts';
import { outputForecast } from '../analysis/noise.ts';
import { galoisKeyMs } from '../analysis/key-price.ts';
import type { LinearGraph } from '../ir/linear-graph.ts';
import type { LeveledGraph } from '../ir/leveled-graph.ts';
import type { PackedProgram } from '../ir/packed-program.ts';
import { MatrixProducts } from '../linear/matrix-products.ts';
import type { CompileOptions, Progress } from '../options.ts';
import type { PassHook, Samples, SelectedProgram } from '../passes/build-candidate.ts';
import { costOf } from '../passes/build-candidate.ts';
import { layoutLatency, LinearComposer, reduceLinear } from '../passes/compose-linear.ts';
import { packProgram } from '../passes/emit-packed.ts';
import { manageScales } from '../passes/manage-scales.ts';
import { placeLevels } from '../passes/place-levels.ts';
import { ringsOf } from '../passes/select-parameters.ts';
import { encryptingTargets, targetOf } from '../targets/registry.ts';
import type { Target } from '../targets/target.ts';
import { quantise } from '../../program/quantisation.ts';
import type { IntegerRing } from './integer-chain.ts';
import { integerParameters, leastPlainBits, MAX_PLAIN_MODULI, primeBits } from './integer-chain.ts';
import type { IntegerReference } from './integer-quality.ts';
import { forecastNoiseBudget } from './noise-budget.ts';
import type { IntegerGraph } from './quantise-graph.ts';
import type { Rounding } from './roundings.ts';
import { bitsFor, CALIBRATED_MARGIN, finest, makeRoundings } from './roundings.ts';

/** Bits that the forecast has to leave at the output. */
export const LEAST_NOISE_BUDGET = 8;

/** Shallowest compositions: every level costs a prime as large as a plain modulus and more. */
const DEPTH_WEIGHTS = [1, 50];

export interface IntegerProgram extends SelectedProgram {
  readonly integer: IntegerGraph;
  readonly summary: IntegerSummary;
}

/**
 * @param reference what accuracy is judged by
 * @throws CompileError NOT_AN_INTEGER_MODEL, PLAIN_MODULUS_EXCEEDED, PRECISION_UNREACHABLE, MEMORY_EXCEEDED
 */
export function selectIntegerProgram(
  graph: LinearGraph,
  samples: Samples,
  reference: IntegerReference,
  options: CompileOptions,
  { pass, progress }: { pass: PassHook; progress: Progress },
): IntegerProgram {
  const target = targetOf(options.backend);
  if (!target.integers) throw noIntegers(target);
  const products = new MatrixProducts();
  const reduced = reduceLinear(graph, products);
  const planning = integerParameters({ polyModulusDegree: 16384, depth: 4, security: 128 }, 30, 1)!;
  const compositions = new LinearComposer(
    reduced,
    products,
    layoutLatency(target.costs(planning, options.profile)),
  ).composeAll(DEPTH_WEIGHTS);
  const refusals: CompileError[] = [];
  let best: { program: IntegerProgram; cost: number } | null = null;
  for (const composition of compositions.map((composed) => placeLevels(composed))) {
    const roundings = makeRoundings(composition, samples, reference, options);
    for (const polyModulusDegree of ringsOf(options.security, target)) {
      const { depth } = composition.length;
      const ring = { polyModulusDegree, depth, security: options.security };
      if (primeBits(ring) === 0) continue;
      progress.report('pack', 0);
      const built = buildInRing(composition, ring, roundings, samples, options, pass);
      if (built instanceof CompileError) {
        refusals.push(built);
        continue;
      }
      if (best === null || built.cost < best.cost) best = built;
      else break;
    }
  }
  if (best !== null) return best.program;
  // Of several refusals, the one that came nearest to a program.
  throw (
    refusals.findLast(({ code }) => code !== 'DEPTH_EXCEEDED') ??
    refusals.at(-1) ??
    new CompileError('DEPTH_EXCEEDED', 'no ring of the security table has room for so many multiplications', {
      pass: 'select-integer-program',
      hint: 'use --scheme ckks, or a model with fewer layers',
    })
  );
}

function buildInRing(
  composition: LeveledGraph,
  ring: IntegerRing,
  roundings: readonly Rounding[],
  samples: Samples,
  options: CompileOptions,
  pass: PassHook,
): { program: IntegerProgram; cost: number } | CompileError {
  const smallest = leastPlainBits(ring);
  const draft = integerParameters(ring, smallest, 1);
  if (draft === null) return noRoom(ring);
  const target = targetOf(options.backend);
  const costs = (parameters: CkksParameters): CostModel => target.costs(parameters, options.profile);
  const pack = (graph: LeveledGraph, parameters: CkksParameters): PackedProgram => {
    const maxKeyBytes = options.maxKeyMb === null ? null : options.maxKeyMb * 2 ** 20;
    const keyMs = (level: number): number => galoisKeyMs(parameters, level, options);
    return packProgram(graph, costs(parameters), { maxKeyBytes, keyMs });
  };
  // Noise depends on the structure alone, so that one packing tells for all sizes of plain moduli.
  const structure = pack(composition, draft);
  const capacity = largestPlainBits(ring, structure);
  if (capacity < smallest) return noRoom(ring);
  for (let count = 1; count <= MAX_PLAIN_MODULI; count++) {
    const rounding = finest(roundings, count * (capacity - 1), options);
    if (rounding === null) continue;
    const guaranteed = bitsFor(rounding.worst) <= count * (capacity - 1);
    const bound = guaranteed ? rounding.worst : CALIBRATED_MARGIN * rounding.quality().largest;
    const plainBits = Math.max(smallest, Math.ceil(bitsFor(bound) / count) + 1);
    const parameters = integerParameters(ring, plainBits, count);
    if (parameters === null || plainModulus(parameters) <= BigInt(Math.ceil(2 * bound))) continue;
    const integers = rounding.integer.inputs;
    const quantised = pass(
      'quantise',
      refreshBounds(
        rounding.integer.graph,
        samples.map((sample) => sample.map((values, i) => quantise(values, integers[i]))),
      ),
    );
    const linear = pass('place-levels', placeLevels(quantised));
    const packed = pass('pack-program', pack(linear, parameters));
    const program = pass('manage-scales', manageScales(packed, parameters));
    const budget = Math.min(...forecastNoiseBudget(program, parameters));
    if (budget < LEAST_NOISE_BUDGET) continue;
    const { obstacle } = target.memory(program, parameters, options);
    if (obstacle !== null) {
      return new CompileError('MEMORY_EXCEEDED', obstacle, { pass: 'select-integer-program' });
    }
    return {
      cost: costOf(program, parameters, costs(parameters), options),
      program: {
        linear,
        packed,
        program,
        parameters,
        integer: { ...rounding.integer, graph: linear },
        noise: exact(program),
        summary: summaryOf(rounding, guaranteed, budget),
      },
    };
  }
  return new CompileError(
    'PLAIN_MODULUS_EXCEEDED',
    `at N = ${ring.polyModulusDegree}, ${MAX_PLAIN_MODULI} plain moduli of ${capacity} bits hold no quantisation that is accurate enough`,
    {
      pass: 'select-integer-program',
      hint: 'allow a larger --max-accuracy-drop, or set --weight-bits and --input-bits',
    },
  );
}

/** Bits of the largest plain modulus under which the forecast leaves enough budget; 0 if there is none. */
function largestPlainBits(ring: IntegerRing, structure: PackedProgram): number {
  for (let bits = primeBits(ring) - 2; bits >= leastPlainBits(ring); bits--) {
    const parameters = integerParameters(ring, bits, 1);
    if (parameters === null) continue;
    const budgets = forecastNoiseBudget(manageScales(structure, parameters), parameters);
    if (Math.min(...budgets) >= LEAST_NOISE_BUDGET) return bits;
  }
  return 0;
}

function summaryOf(rounding: Rounding, guaranteed: boolean, budget: number): IntegerSummary {
  const { accuracy, agreement, largest, samples } = rounding.quality();
  return {
    inputBits: rounding.bits.input,
    weightBits: rounding.bits.weight,
    calibratedBits: Math.log2(largest),
    worstCaseBits: Math.log2(rounding.worst),
    guaranteed,
    // SEAL counts whole bits of the modulus and of the noise, which may cost one.
    noiseBudgetBits: Math.floor(budget - 1),
    samples,
    accuracy,
    agreement,
  };
}

/** Results are exact as integers, and reach the client as float64. */
const FLOAT64_BITS = 53;

function exact(program: Program): SelectedProgram['noise'] {
  return {
    std: program.values.map(() => 0),
    outputs: program.outputs.map(({ value }) => {
      const { bound } = program.values[value]!;
      return outputForecast(bound * 2 ** -FLOAT64_BITS, bound, bound, false);
    }),
  };
}

function noIntegers({ title }: Target): CompileError {
  const others = encryptingTargets().filter(({ integers }) => integers);
  return new CompileError('SCHEME_UNSUPPORTED', `${title} has no BFV`, {
    hint: `use ${others.map(({ name }) => `--backend ${name}`).join(' or ')}`,
  });
}

function noRoom({ polyModulusDegree, depth }: IntegerRing): CompileError {
  return new CompileError(
    'DEPTH_EXCEEDED',
    `N = ${polyModulusDegree} has no room for the noise of ${depth} multiplications of integers`,
    {
      pass: 'select-integer-program',
      hint: 'use --scheme ckks, or a model with fewer layers',
    },
  );
}
