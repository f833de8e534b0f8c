/**
 * What a refresh adds to the error of a value. Transforms are linear, and so is what they make of errors; the sine is not, and its
 * operations' errors are amplified some hundred times by the powers and doublings that follow: it is evaluated on slots, with every
 * rescaling and key switch disturbed as they would be.
 */
import type { CkksParameters } from '../../program/security.ts';
import { ERROR_STANDARD_DEVIATION } from '../../program/security.ts';
import { refreshed } from '../../program/semantics/evaluate-refresh.ts';
import { evaluateSine } from '../../program/semantics/evaluate-sine.ts';
import { planRefresh, refreshParameters, type RefreshPlan } from '../../program/semantics/refresh-plan.ts';
import { transformGrid, type TransformStage } from '../../program/semantics/transform-stage.ts';
import { Random } from '../random.ts';
import { DisturbedAlgebra } from './disturbed-algebra.ts';
import { divisionRounding, type NoiseSources } from './noise-sources.ts';

/** Slots that are tried. */
const SLOTS = 8192;

/**
 * Of errors' imaginary parts, which are as large as the real ones, half the variance comes along: with 3 as generator the columns k
 * and k ± N/4 of "slots to coefficients" are not orthogonal, the mean of ζ^(3^j N/4) over all slots j being ±i / √2.
 */
export const IMAGINARY_SHARE = 1 / 2;

/**
 * var(f(z)) = gain · var(z) for an error that the input brings along and f(z) = sin(2πz / ratio), values being uniform in ±reach:
 * mean of f'(z)², and what imaginary parts add.
 */
export function refreshGain(ratio: number, reach: number): number {
  const angle = (2 * Math.PI) / ratio;
  // cos² = (1 + cos 2·) / 2, averaged over ±reach.
  const mean = reach === 0 ? 1 : (1 + Math.sin(2 * angle * reach) / (2 * angle * reach)) / 2;
  return angle ** 2 * mean * (1 + IMAGINARY_SHARE);
}

/** Error variance of a refresh's result, per slot, for an input of this scale and without error. */
export type RefreshNoise = (scale: number, ratio: number) => number;

/** Each kind of refresh under a chain is simulated once. */
export function refreshNoise(parameters: CkksParameters, sources: NoiseSources): RefreshNoise {
  const known = new Map<string, number>();
  return (scale, ratio) => {
    const key = `${scale}/${ratio}`;
    const found = known.get(key) ?? simulate(parameters, sources, scale, ratio);
    known.set(key, found);
    return found;
  };
}

function simulate(parameters: CkksParameters, sources: NoiseSources, scale: number, ratio: number): number {
  const plan = planRefresh(parameters, { scale, ratio });
  const primes = parameters.dataPrimes.map(Number);
  const weight = refreshParameters(parameters).ephemeralWeight;
  const argument = argumentNoise(plan, parameters, sources, ratio);
  const random = new Random(3);
  // What a value is makes next to no difference.
  const z = Float64Array.from({ length: SLOTS }, () => 2 * random.next() - 1);
  const x = z.map((value) => {
    // A coefficient of I is the rounded sum of as many residues as the secret has coefficients, and its own.
    let sum = 0;
    for (let term = 0; term <= weight; term++) sum += random.next() - 0.5;
    return (Math.round(sum) + value / ratio) / plan.sine.range + Math.sqrt(argument) * random.gaussian();
  });
  const algebra = new DisturbedAlgebra(SLOTS, primes, sources, () => random.gaussian());
  const { sine, sineLevel, coefficientsToSlots } = plan;
  const input = {
    level: sineLevel,
    scale: coefficientsToSlots.at(-1)!.outputScale,
    degree: 1 as const,
    slots: x,
  };
  const { slots } = evaluateSine(algebra, sine, sineLevel, input);
  return slots.reduce((sum, y, i) => sum + (y - refreshed(z[i]!, ratio)) ** 2, 0) / SLOTS;
}

/** Error variance of t / K, t = I + z / ratio, that the sine is taken of. */
function argumentNoise(
  { slotsToCoefficients, coefficientsToSlots, sine }: RefreshPlan,
  parameters: CkksParameters,
  sources: NoiseSources,
  ratio: number,
): number {
  const n = parameters.polyModulusDegree;
  const weight = refreshParameters(parameters).ephemeralWeight;
  const primes = parameters.dataPrimes.map(Number);
  // |slots|² of what goes in; a matrix of butterflies doubles it at each stage, and so it does errors.
  const down = through(slotsToCoefficients, 2, 1 / 3, primes, sources);
  // Of slots' real parts with variance V N / (2 Δ²), coefficients have V / Δ².
  const coefficients = (2 * down) / (n * ratio ** 2);
  const overflow = (weight + 1) / 12 + ratio ** -2 / 3;
  const up = through(coefficientsToSlots, 1 / 2, (n * overflow) / sine.range ** 2, primes, sources);
  return (coefficients + raiseNoise(parameters, weight) / primes[0]! ** 2) / sine.range ** 2 + up;
}

/** What a row of transforms adds by itself. @param growth of squares, each butterfly stage @param meanSquare of |slots| before it */
function through(
  stages: readonly TransformStage[],
  growth: number,
  meanSquare: number,
  primes: readonly number[],
  sources: NoiseSources,
): number {
  let error = 0;
  let square = meanSquare;
  for (const stage of stages) {
    const { level, inputScale, outputScale, real } = stage;
    const { giants, diagonals } = transformGrid(stage);
    const power = growth ** stage.stages;
    const productScale = outputScale * primes[level]!;
    // Diagonals are complex: their rounding errors do not mirror each other, and half of them is in the real part.
    const encoding = (diagonals * square * sources.plaintext(productScale / inputScale)) / 2;
    const switching = (giants - 1 + (real ? 1 : 0)) * sources.keySwitch(level, productScale);
    // What is added to its conjugate is twice its real part.
    const summed = (real ? 4 : 1) * switching + encoding;
    error =
      power * (error + sources.deferredKeySwitch(level, inputScale)) + summed + sources.rescale(outputScale);
    square *= power;
  }
  return error;
}

/** Coefficient variance of raising the modulus: a key switch to the ephemeral secret at q_0, and one of a single digit back. */
function raiseNoise(
  { polyModulusDegree: n, dataPrimes, specialPrimes }: CkksParameters,
  weight: number,
): number {
  const lowest = Number(dataPrimes[0]!);
  const products = (n * ERROR_STANDARD_DEVIATION ** 2) / 12;
  const there = products * (lowest / Number(specialPrimes[0]!)) ** 2 + (1 + weight) / 12;
  const special = specialPrimes.reduce((product, prime) => product * Number(prime), 1);
  const back = products * (lowest / special) ** 2 + divisionRounding(n);
  return there + back;
}
