/**
 * What a sum of noised updates tells about one participant, over rounds. Rényi divergences add up; (ε, δ) follows from them at the end.
 * Client-level: neighbouring inputs differ by one participant's whole update. No credit for sampling: who takes part is known.
 */
import { InternalError } from '../../errors.ts';

/** A sum that is opened once. */
export interface NoisySum {
  /** Variance σ² of each participant's discrete Gaussian noise, in units of the quantised update. */
  readonly variance: number;
  /** Participants whose noise is in the sum and known to nobody: survivors, less those that may collude. */
  readonly honest: number;
  /** Bounds on one participant's quantised update: its L2 and L1 norms. */
  readonly l2: number;
  readonly l1: number;
  /** Elements of an update. */
  readonly length: number;
}

/** Pure ε: discrete Laplace noise of `scale` from each of them; the noise of one is enough. */
export interface LaplaceSum {
  readonly scale: number;
  readonly l1: number;
}

/** Rényi divergence of order α > 1 between neighbouring inputs. */
export type RenyiCurve = (order: number) => number;

/**
 * Of a sum of discrete Gaussians, which is nearly one: Kairouz, Liu and Steinke, "The Distributed Discrete Gaussian Mechanism", ICML 2021
 * (arXiv 2102.06387), theorem 1 for τ and proposition 14 for the bound. Between them, zCDP of a discrete Gaussian: τ = 0.
 */
export function renyiOfGaussianSum({ variance, honest, l2, l1, length }: NoisySum): RenyiCurve {
  if (honest < 1) return () => Infinity;
  let tau = 0;
  for (let k = 1; k < honest; k++) tau += 10 * Math.exp(-2 * Math.PI ** 2 * variance * (k / (k + 1)));
  const sigma = Math.sqrt(honest * variance);
  const [near, far] = [l2 / sigma, l1 / sigma];
  return (order) =>
    Math.min(
      (order / 2) * near ** 2 + tau * length,
      (order / 2) * (near ** 2 + 2 * far * tau + tau ** 2 * length),
      (order / 2) * (near + tau * Math.sqrt(length)) ** 2,
    );
}

/** Of pure ε, ε = L1 / scale: Bun and Steinke, "Concentrated Differential Privacy", TCC 2016, proposition 3.3. */
export function renyiOfLaplaceSum({ scale, l1 }: LaplaceSum): RenyiCurve {
  const epsilon = l1 / scale;
  return (order) => Math.min(epsilon, (order / 2) * epsilon ** 2);
}

/** From just above 1, where optima are for large ε, to a thousand, where they are for ε near 0; a step apart costs less than 10^-3 of ε. */
const ORDERS: readonly number[] = Array.from({ length: 401 }, (_, i) => 1 + 2 ** (-10 + i / 20));

/** Adds up what rounds cost. */
export class PrivacyAccountant {
  readonly #divergences = new Float64Array(ORDERS.length);

  spend(curve: RenyiCurve): void {
    ORDERS.forEach((order, i) => (this.#divergences[i]! += curve(order)));
  }

  /**
   * Least ε for a δ: Canonne, Kamath and Steinke (NeurIPS 2020), proposition 12, over a grid of orders.
   * @param delta 0 < δ < 1
   */
  epsilon(delta: number): number {
    if (!(delta > 0 && delta < 1)) throw new InternalError(`δ = ${delta} is not between 0 and 1`);
    if (this.#divergences.every((divergence) => divergence === 0)) return 0;
    return ORDERS.reduce((least, order, i) => {
      const epsilon =
        this.#divergences[i]! + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
      return Math.min(least, Math.max(0, epsilon));
    }, Infinity);
  }
}
