/**
 * Forecast of the CKKS error: the standard deviation, per slot, of every value of a slot program, before it is run.
 *
 * Errors are independent between operations and slots; those of a linear map's inputs add up by the squares of its entries, those
 * of a polynomial's by the square of its derivative, those of a product by the squares of the other factor (average-case
 * analysis as in Costache et al., eprint 2022/162, rather than worst-case bounds). What each operation adds: `noise-sources.ts`.
 */
import { unreachable } from '../../errors.ts';
import type {
  LinearInstruction,
  OutputPlan,
  PolynomialInstruction,
  ProductInstruction,
  Program,
  RefreshInstruction,
} from '../../program/program.ts';
import { elementCount } from '../../program/layout.ts';
import type { CkksParameters } from '../../program/security.ts';
import { roundingStep } from '../../program/rounding.ts';
import { BOUND_MARGIN } from './bounds.ts';
import { gatheredShares, noiseSources, type NoiseSources } from './noise-sources.ts';
import { evaluationNoise, polynomialGain } from './polynomial-noise.ts';
import { refreshGain, refreshNoise, type RefreshNoise } from './refresh-noise.ts';

export interface NoiseForecast {
  /** Standard deviation of each value's error per slot, absolute; indexed by ValueId. */
  readonly std: readonly number[];
  readonly outputs: readonly OutputForecast[];
}

export interface OutputForecast {
  /** Error that the worst element of some evaluations stays within, absolute; see `worstDeviations`. */
  readonly worst: number;
  /** Largest error that rounding to the certified precision adds; 0 where nothing is rounded. */
  readonly rounding: number;
  /** Largest |value| of an evaluation's output, in the lower quartile of inputs: what errors are judged by. */
  readonly typical: number;
  readonly bound: number;
  /** −log2(worst / bound): what results are rounded to. */
  readonly boundBits: number;
  /** −log2((worst + rounding) / typical). */
  readonly precisionBits: number;
}

/** Evaluations whose worst element a forecast is for, and the chance that it is worse nevertheless. */
const EVALUATIONS = 20;
const CHANCE = 0.01;

/**
 * Standard deviations that the largest of all errors in `EVALUATIONS` outputs of so many elements stays within, but for a chance
 * of `CHANCE`. Errors that many slots contribute to are normal: 4.1 deviations for ten scores, 5.2 for a map of 48 × 48. Those
 * that rescaling and key switching have just made are Re(r s) in every slot, a rounding error times the secret's value there: both
 * are complex normal, and the real part of their product has a Laplace distribution, with tails e^(−√2 z): 7.0 and 10.8.
 */
export function worstDeviations(elements: number): { readonly mixed: number; readonly fresh: number } {
  const chance = CHANCE / (EVALUATIONS * elements);
  return { mixed: normalTail(chance / 2), fresh: -Math.log(chance) / Math.SQRT2 };
}

/** z with P(X > z) = p of a standard normal, p < 1e-3: by Newton steps on the logarithm of its continued fraction. */
export function normalTail(p: number): number {
  let z = Math.sqrt(-2 * Math.log(p));
  for (let step = 0; step < 8; step++) {
    const fraction = z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 5 / z))));
    const logTail = (-z * z) / 2 - Math.log(2 * Math.PI) / 2 - Math.log(fraction);
    z += (logTail - Math.log(p)) / fraction;
  }
  return z;
}

/** Relative error of a program run in the clear: float64 arithmetic over sums of thousands of terms. */
const CLEARTEXT_ERROR = 2 ** -44;

export function forecastNoise(program: Program, parameters: CkksParameters): NoiseForecast {
  const std = parameters.scheme === 'cleartext' ? clearErrors(program) : encryptedErrors(program, parameters);
  return {
    std,
    outputs: program.outputs.map(({ value, layout }) => {
      const { bound } = program.values[value]!;
      return outputForecast(
        worstDeviations(elementCount(layout.shape)).mixed * std[value]!,
        bound / BOUND_MARGIN,
        bound,
        parameters.scheme !== 'cleartext',
      );
    }),
  };
}

/** @param rounded whether results are rounded to the certified precision, as those under encryption are */
export function outputForecast(
  worst: number,
  typical: number,
  bound: number,
  rounded: boolean,
): OutputForecast {
  const boundBits = precisionOf(worst, bound);
  const rounding = rounded ? roundingStep(bound, boundBits) / 2 : 0;
  return {
    worst,
    rounding,
    typical,
    bound,
    boundBits,
    precisionBits: precisionOf(worst + rounding, typical),
  };
}

/** −log2(error / range), however large the error: polynomials of disturbed arguments may leave all bounds. */
export function precisionOf(error: number, range: number): number {
  return error / range < Infinity ? -Math.log2(error / range) : -1024;
}

function clearErrors(program: Program): number[] {
  return program.values.map((value) => (CLEARTEXT_ERROR * value.bound) / 4);
}

function encryptedErrors(program: Program, parameters: CkksParameters): number[] {
  const chain = chainNoise(parameters);
  const variance = new Array<number>(program.values.length).fill(0);
  for (const { value } of program.inputs) variance[value] = chain.sources.fresh(program.values[value]!.scale);
  const setting = { ...chain, program, variance, meanSquares: uniformMeanSquares(program) };
  for (const instruction of program.instructions)
    variance[instruction.output] = instructionVariance(setting, instruction).mean;
  return variance.map(Math.sqrt);
}

/** Error variance of one value. */
export interface SlotVariances {
  /** Over the slots in use. */
  readonly mean: number;
  /** Per ciphertext, of every slot; null where all are alike. */
  readonly slots: readonly Float64Array[] | null;
}

/**
 * The variance that computing each value adds by itself, its operands taken as free of error; `meanSquares[id]` is the mean
 * of the squared slots of value id.
 */
export function ownVariances(
  program: Program,
  parameters: CkksParameters,
  meanSquares: readonly number[],
): SlotVariances[] {
  const chain = chainNoise(parameters);
  const none = new Array<number>(program.values.length).fill(0);
  const own = none.map(alike);
  for (const { value } of program.inputs)
    own[value] = alike(chain.sources.fresh(program.values[value]!.scale));
  const setting = { ...chain, program, variance: none, meanSquares };
  for (const instruction of program.instructions)
    own[instruction.output] = instructionVariance(setting, instruction);
  return own;
}

function alike(mean: number): SlotVariances {
  return { mean, slots: null };
}

interface ChainNoise {
  /** q_0 … q_L as float64. */
  readonly primes: readonly number[];
  readonly sources: NoiseSources;
  readonly refresh: RefreshNoise;
}

function chainNoise(parameters: CkksParameters): ChainNoise {
  const sources = noiseSources(parameters);
  return {
    primes: parameters.dataPrimes.map(Number),
    sources,
    refresh: refreshNoise(parameters, sources),
  };
}

interface Setting extends ChainNoise {
  readonly program: Program;
  /** Error variance of the values known so far. */
  readonly variance: readonly number[];
  readonly meanSquares: readonly number[];
}

function instructionVariance(setting: Setting, instruction: Program['instructions'][number]): SlotVariances {
  switch (instruction.kind) {
    case 'linear':
      return linearVariance(setting, instruction);
    case 'polynomial':
      return alike(polynomialVariance(setting, instruction));
    case 'product':
      return alike(productVariance(setting, instruction));
    case 'refresh':
      return alike(refreshVariance(setting, instruction));
    default:
      return unreachable(instruction, 'instruction');
  }
}

/** Without samples, values are taken as uniform over what was seen in calibration: ±bound / margin. */
function uniformMeanSquares(program: Program): number[] {
  return program.values.map(({ bound }) => (bound / BOUND_MARGIN) ** 2 / 3);
}

function linearVariance(
  { program, sources, variance, meanSquares }: Setting,
  instruction: LinearInstruction,
): SlotVariances {
  const { level, babies, inputs, plainScales, outputs } = instruction;
  const inputOf = inputs.flatMap((value, i) => new Array<number>(program.values[value]!.ciphertexts).fill(i));
  const shares = gatheredShares(program.slotCount);
  /** What rotating has added: of all steps but the last, the rounding too. */
  const rotating: number[] = [];
  const gatheredIn: number[][] = [];
  const factors = babies.map(({ source, from, via }, b): BabyNoise => {
    const input = inputOf[source]!;
    const value = inputs[input]!;
    const { scale } = program.values[value]!;
    const last = sources.deferredKeySwitch(level, scale);
    const whole = sources.keySwitch(level, scale);
    const before = from < 0 || rotating[from] === 0 ? 0 : rotating[from]! + whole - last;
    rotating[b] = via.length === 0 ? (rotating[from] ?? 0) : before + (via.length - 1) * whole + last;
    gatheredIn[b] = rotatedSlots(gatheredIn[from] ?? [], via, program.slotCount);
    // Where not even slot 0 stands out, all slots are alike.
    const gathered = sources.gathered(level, scale);
    const uneven = gathered * shares[0]! > sources.rescale(scale) ? gathered : 0;
    return {
      variance: variance[value]! + rotating[b] - uneven * gatheredIn[b].length,
      gathered: uneven,
      gatheredIn: gatheredIn[b],
      // (x + ε)(d + δ) = x d + ε d + x δ: the diagonal's encoding error counts x².
      encoding: meanSquares[value]! * sources.plaintext(plainScales[input]!),
    };
  });
  const productScale = program.values[inputs[0]!]!.scale * plainScales[0]!;
  const switching = sources.keySwitch(level, productScale);
  const outputScale = program.values[instruction.output]!.scale;
  const sums = outputs.map((plan) => {
    const rounding = sources.rescale(outputScale) + (plan.bias === null ? 0 : sources.plaintext(outputScale));
    const { everywhere, rows } = sumVariance(plan, factors, switching, shares);
    // Slots that no diagonal reaches hold no element.
    const used = rows.filter((value) => value > 0);
    const reached = used.reduce((sum, value) => sum + value, 0) / Math.max(used.length, 1);
    const even = everywhere + rounding;
    return { mean: even + reached, slots: rows.map((value) => even + value) };
  });
  const mean = sums.reduce((sum, of) => sum + of.mean, 0) / sums.length;
  return { mean, slots: sums.map(({ slots }) => slots) };
}

interface BabyNoise {
  /** Of the rotated ciphertext, in all slots alike. */
  readonly variance: number;
  /** Mean of what each key switch adds besides, in shares of `gatheredShares` from each of the slots `gatheredIn` on. */
  readonly gathered: number;
  readonly gatheredIn: readonly number[];
  /** Of the encoded diagonal's rounding, times the ciphertext's value. */
  readonly encoding: number;
}

/** Where slot 0 of each key switch has come to after all of them. */
function rotatedSlots(before: readonly number[], via: readonly number[], slotCount: number): number[] {
  return via.reduce(
    (slots: number[], step) => [...slots.map((slot) => (slot - step + slotCount) % slotCount), 0],
    [...before],
  );
}

/** The sum of all diagonals times babies, giants rotated and reductions done, before the rescale: `rows` + `everywhere`. */
function sumVariance(
  plan: OutputPlan,
  babies: readonly BabyNoise[],
  switching: number,
  shares: Float64Array,
): { readonly rows: Float64Array; readonly everywhere: number } {
  const slotCount = shares.length;
  let rows: Float64Array = new Float64Array(slotCount);
  let everywhere = 0;
  for (const { step, via, terms } of plan.giants) {
    everywhere += via.length * switching;
    for (const { baby, diagonal } of terms) {
      const { variance, encoding, gathered, gatheredIn } = babies[baby]!;
      everywhere += encoding;
      if (typeof diagonal === 'number') {
        everywhere += diagonal ** 2 * (variance + gathered * gatheredIn.length);
        continue;
      }
      for (let k = 0; k < diagonal.values.length; k++) {
        const at = diagonal.indices === null ? k : diagonal.indices[k]!;
        let own = variance;
        if (gathered > 0)
          for (const first of gatheredIn) own += gathered * shares[(at - first + slotCount) % slotCount]!;
        const row = at < step ? at - step + slotCount : at - step;
        rows[row] = rows[row]! + diagonal.values[k]! ** 2 * own;
      }
    }
  }
  for (const via of plan.reductions) {
    const step = via.reduce((sum, part) => sum + part, 0) % slotCount;
    const before = rows;
    rows = before.map((value, slot) => value + before[(slot + step) % slotCount]!);
    everywhere = 2 * everywhere + via.length * switching;
  }
  return { rows, everywhere };
}

function polynomialVariance(
  { program, primes, sources, variance, meanSquares }: Setting,
  instruction: PolynomialInstruction,
): number {
  const { slotCount } = program;
  // A uniform distribution over ±reach has mean square reach² / 3; of few large values it would reach further than any of
  // them, where Chebyshev polynomials grow beyond all bounds.
  const { bound, scale } = program.values[instruction.input]!;
  const reach = Math.min(Math.sqrt(3 * meanSquares[instruction.input]!), bound / BOUND_MARGIN);
  const brought = variance[instruction.input]!;
  const own = evaluationNoise(instruction, reach, scale, { slotCount, primes, sources });
  return (brought > 0 ? brought * polynomialGain(instruction, reach, slotCount) : 0) + own;
}

function refreshVariance(
  { program, refresh, variance, meanSquares }: Setting,
  { input, ratio }: RefreshInstruction,
): number {
  const { scale, bound } = program.values[input]!;
  const reach = Math.min(Math.sqrt(3 * meanSquares[input]!), bound);
  return variance[input]! * refreshGain(ratio, reach) + refresh(scale, ratio);
}

function productVariance(
  { program, sources, variance, meanSquares }: Setting,
  instruction: ProductInstruction,
): number {
  const { left, right, level, output } = instruction;
  const [a, b] = [variance[left]!, variance[right]!];
  const scale = program.values[left]!.scale * program.values[right]!.scale;
  const operands =
    left === right ? 4 * meanSquares[left]! * a : meanSquares[right]! * a + meanSquares[left]! * b + a * b;
  return operands + sources.keySwitch(level, scale) + sources.rescale(program.values[output]!.scale);
}
