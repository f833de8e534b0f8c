/**
 * Clipping, quantising and noise, in this order and at the participant: what comes out is what is masked or encrypted. In blocks, so that updates of
 * any length take little memory.
 */
import { InternalError, ProtocolError } from '../../errors.ts';
import { DiscreteGaussian, discreteLaplace } from '../privacy/discrete-noise.ts';
import type { RandomIntegers } from '../privacy/random-integers.ts';
import { ExactNorm } from './exact-norm.ts';
import type { RoundNoise, UpdateForm } from './update-form.ts';
import { quantisedBound, roundingReach } from './update-form.ts';

export type Blocks<T> = Iterable<T> | AsyncIterable<T>;
/** Opens an update anew, from its first element on, in blocks of any size; model units. */
export type UpdateSource = () => Blocks<Float32Array | Float64Array>;

/** Relative error of a norm in doubles of 2^29 elements: far more than it is. */
const NORM_ERROR = 2 ** -20;

/**
 * What an update is multiplied with before it is rounded: the scale, less what clips it. A clipped vector is made shorter than the bound by what
 * rounding may add, so that no rounding exceeds it.
 * @throws ProtocolError FEDERATION_UPDATE_INVALID unless it has `length` finite elements
 */
export async function quantisingFactor(source: UpdateSource, form: UpdateForm): Promise<number> {
  let [count, squares, absolutes] = [0, 0, 0];
  for await (const block of source()) {
    count += block.length;
    if (count > form.length) break;
    let [squaresHere, absolutesHere] = [0, 0];
    for (const value of block) {
      squaresHere += value * value;
      absolutesHere += Math.abs(value);
    }
    squares += squaresHere;
    absolutes += absolutesHere;
  }
  if (count !== form.length)
    throw invalid(`it has ${count > form.length ? 'more' : count} elements, not ${form.length}`);
  const norm = form.norm === 'l2' ? Math.sqrt(squares) : absolutes;
  if (!Number.isFinite(norm)) throw invalid('not all of its elements are finite, or they are too large');
  const room = quantisedBound(form) - roundingReach(form);
  const scaled = norm * form.scale * (1 + NORM_ERROR);
  return scaled <= room ? form.scale : form.scale * (room / scaled);
}

/**
 * Clips, quantises and adds noise. Nothing of it may leave before all of it has been drawn: whether the source changed meanwhile is seen at the end.
 * @param random what the noise is drawn from; the same bytes give the same noise
 * @returns blocks as the source has them, of `form.length` elements in all, modulo 2^32 and centred
 */
export async function* noisedBlocks(
  source: UpdateSource,
  form: UpdateForm,
  noise: RoundNoise,
  random: RandomIntegers,
): AsyncGenerator<Int32Array<ArrayBuffer>> {
  const factor = await quantisingFactor(source, form);
  const draw = noiseSampler(noise, random);
  const norm = new ExactNorm(form.norm);
  let count = 0;
  for await (const block of source()) {
    count += block.length;
    if (count > form.length) break;
    const quantised = new Int32Array(block.length);
    for (let i = 0; i < block.length; i++) quantised[i] = Math.round(block[i]! * factor);
    norm.add(quantised);
    // Of a sum of a double of up to 2^53 the array keeps the residue modulo 2^32.
    if (draw !== null) for (let i = 0; i < quantised.length; i++) quantised[i] = quantised[i]! + draw();
    yield quantised;
  }
  if (count !== form.length || norm.exceeds(quantisedBound(form)))
    throw invalid('it changed while it was being read');
}

/** One element's noise; null where there is none. */
export function noiseSampler(
  { mechanism, parameter }: RoundNoise,
  random: RandomIntegers,
): (() => number) | null {
  switch (mechanism) {
    case 'none':
      return null;
    case 'discrete-gaussian': {
      const gaussian = new DiscreteGaussian(random, parameter);
      return () => gaussian.sample();
    }
    case 'discrete-laplace':
      return () => discreteLaplace(random, parameter);
    default:
      throw new InternalError(`no noise of mechanism ${String(mechanism)}`);
  }
}

/**
 * The mean of the survivors' updates, in model units.
 * @param sum centred sum, a block of it
 */
export function decodeMean(sum: Int32Array, form: UpdateForm, survivors: number): Float64Array<ArrayBuffer> {
  const mean = new Float64Array(sum.length);
  for (let i = 0; i < sum.length; i++) mean[i] = sum[i]! / (form.scale * survivors);
  return mean;
}

function invalid(detail: string): ProtocolError {
  return new ProtocolError('FEDERATION_UPDATE_INVALID', `the update cannot be taken: ${detail}`, {
    hint: 'make it from two models of the federation’s template, or an array of their length',
  });
}
