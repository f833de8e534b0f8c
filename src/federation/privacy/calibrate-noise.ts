/** How much noise a federation takes: the least multiplier by which so many rounds cost no more than ε. */
import { PrivacyAccountant, renyiOfGaussianSum, renyiOfLaplaceSum } from './accountant.ts';

/** What is summed, and by whom: everything but the noise. */
export interface SumShape {
  /** Bounds on one participant's quantised update. */
  readonly l2: number;
  readonly l1: number;
  readonly length: number;
  /** Participants whose noise is in every sum and known to nobody: least survivors, less colluders. */
  readonly honest: number;
}

export interface NoiseGoal {
  readonly mechanism: 'discrete-gaussian' | 'discrete-laplace';
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds: number;
}

/** The noise of each participant, in integer units: variance of the Gaussian, scale of the Laplacian. */
export function noiseParameter(
  mechanism: NoiseGoal['mechanism'],
  multiplier: number,
  { l2, l1, honest }: SumShape,
): number {
  return Math.max(
    1,
    mechanism === 'discrete-gaussian'
      ? Math.ceil((multiplier * l2) ** 2 / honest)
      : Math.ceil(multiplier * l1),
  );
}

/** ε at δ of so many rounds, each with this noise. */
export function epsilonOfRounds(
  mechanism: NoiseGoal['mechanism'],
  parameter: number,
  shape: SumShape,
  rounds: number,
  delta: number,
): number {
  const curve =
    mechanism === 'discrete-gaussian'
      ? renyiOfGaussianSum({ variance: parameter, ...shape })
      : renyiOfLaplaceSum({ scale: parameter, l1: shape.l1 });
  const accountant = new PrivacyAccountant();
  accountant.spend((order) => rounds * curve(order));
  // Pure ε holds at every δ.
  const pure = mechanism === 'discrete-laplace' ? (rounds * shape.l1) / parameter : Infinity;
  return Math.min(pure, accountant.epsilon(delta));
}

/** Multipliers are told to three digits, rounded up. */
const STEP = 1.001;

/**
 * Standard deviation of the honest ones' noise in the sum (scale of each one's Laplacian) as a multiple of what one participant can
 * contribute.
 * @param most no more than this; the exact samplers must have such noise
 * @returns null if that is not enough
 */
export function calibrateNoise(
  { mechanism, epsilon, delta, rounds }: NoiseGoal,
  shape: SumShape,
  most: number,
): number | null {
  const suffices = (multiplier: number): boolean =>
    epsilonOfRounds(mechanism, noiseParameter(mechanism, multiplier, shape), shape, rounds, delta) <= epsilon;
  if (!suffices(most)) return null;
  let [low, high] = [0, most];
  while (high > Math.max(low, 1e-6) * STEP) {
    const middle = (low + high) / 2;
    if (suffices(middle)) high = middle;
    else low = middle;
  }
  return high;
}
