/**
 * How updates become integers and back. All participants of a federation use one form, and sums are taken modulo 2^32: a form under which a
 * sum could leave −2^31 … 2^31 − 1 is refused, so that what is opened is the sum and not the sum modulo something.
 */
import { ProtocolError } from '../../errors.ts';
import type { SumShape } from '../privacy/calibrate-noise.ts';
import { LARGEST_VARIANCE } from '../privacy/discrete-noise.ts';

export interface UpdateForm {
  /** Elements of an update. */
  readonly length: number;
  /** What the norm of an update is clipped to, in units of the model. */
  readonly clip: number;
  /** L1 for Laplace noise (pure ε), L2 for Gaussian noise. */
  readonly norm: 'l1' | 'l2';
  /** Integer units in one unit of the model. */
  readonly scale: number;
}

export interface RoundNoise {
  readonly mechanism: 'none' | 'discrete-gaussian' | 'discrete-laplace';
  /** Of EACH participant's noise, in integer units: the variance σ² (Gaussian), the scale (Laplace), 0 without noise. */
  readonly parameter: number;
}

/** As many as fit into two gibibytes on the wire. */
export const LONGEST_UPDATE = 2 ** 29;
export const HALF_MODULUS = 2 ** 31;

/** What the norm of a quantised update never exceeds, in integer units. */
export function quantisedBound({ clip, scale }: UpdateForm): number {
  return Math.floor(clip * scale);
}

/** By how much rounding to integers can lengthen a vector: each element moves by at most 1/2. */
export function roundingReach({ length, norm }: UpdateForm): number {
  return norm === 'l2' ? Math.sqrt(length) / 2 : length / 2;
}

/** What calibration and ledger ask of it: both norms of a quantised update. @param honest least survivors, less colluders */
export function sumShape(form: UpdateForm, honest: number): SumShape {
  const bound = quantisedBound(form);
  const { length, norm } = form;
  return { length, honest, l2: bound, l1: norm === 'l1' ? bound : Math.ceil(Math.sqrt(length) * bound) };
}

/**
 * @param participants as many as can be in a sum
 * @throws ProtocolError FEDERATION_FORM_REFUSED
 */
export function checkUpdateForm(form: UpdateForm, noise: RoundNoise, participants: number): void {
  const { length, clip, scale, norm } = form;
  if (!Number.isInteger(length) || length < 1 || length > LONGEST_UPDATE)
    throw refused(`updates of ${length} elements, not 1 to ${LONGEST_UPDATE}`);
  if (!(clip > 0 && Number.isFinite(clip))) throw refused(`a clip of ${clip}`);
  if (!(scale > 0 && Number.isFinite(scale))) throw refused(`a scale of ${scale}`);
  if (norm !== 'l1' && norm !== 'l2') throw refused('a norm other than "l1" and "l2"');
  const bound = quantisedBound(form);
  // Half of the clip at least is left of what rounding may add.
  if (!(bound >= 2 * Math.ceil(roundingReach(form))))
    throw refused(
      `clip · scale of ${bound} is too coarse for ${length} elements: rounding would outweigh it`,
    );
  const headroom = noiseReach(form, noise, participants);
  if (participants * bound + headroom >= HALF_MODULUS)
    throw refused(
      `a sum of ${participants} updates of up to ${bound} each, and noise of up to ${Math.ceil(headroom)}, could exceed 2^31`,
    );
}

/**
 * What noise adds to no element of a sum but with a probability below 2^-40: twelve standard deviations; of Laplace noise, whose tails are heavier,
 * by Chernoff's bound at θ = 1 / 2b over all elements: P(|sum| > x) ≤ 2 (4/3)^n exp(−x / 2b).
 */
function noiseReach({ length, norm }: UpdateForm, { mechanism, parameter }: RoundNoise, n: number): number {
  switch (mechanism) {
    case 'none':
      if (parameter !== 0) throw refused('noise of a size without a mechanism');
      return 0;
    case 'discrete-gaussian':
      if (!Number.isInteger(parameter) || parameter < 1 || parameter > LARGEST_VARIANCE)
        throw refused(`a variance of ${parameter}, not an integer from 1 to 2^50`);
      if (norm !== 'l2') throw refused('Gaussian noise on updates that are not clipped by their L2 norm');
      return 12 * Math.sqrt(n * parameter);
    case 'discrete-laplace':
      if (!Number.isInteger(parameter) || parameter < 1 || parameter > 2 ** 32)
        throw refused(`a scale of Laplace noise of ${parameter}, not an integer from 1 to 2^32`);
      if (norm !== 'l1') throw refused('Laplace noise on updates that are not clipped by their L1 norm');
      return 2 * parameter * (n * Math.log(4 / 3) + Math.log(2 * length) + 40 * Math.LN2);
    default:
      throw refused('a mechanism that is not known');
  }
}

function refused(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_FORM_REFUSED', `updates cannot be summed so: ${detail}`, {
    hint: 'choose another scale, clip or noise',
  });
}
