/** A round's sum → the step by which the global model changes. */
import type { RoundTerms } from '../../federation/round-terms.ts';
import { decodeMean } from '../../federation/update/quantise.ts';
import { quantisedBound } from '../../federation/update/update-form.ts';
import type { ProtocolRound } from './protocol-round.ts';
import type { ByteReader } from './round-uploads.ts';

export interface OpenedSum {
  /** Mean of the survivors' updates, in model units. */
  readonly mean: Float64Array;
  readonly norm: number;
  /** The norm that honest participants exceed with a probability below 10⁻⁹. */
  readonly expectedNorm: number;
}

/** @throws ProtocolError FEDERATION_ROUND_ABORTED where shares or uploads are not what they were */
export async function openSum(
  machine: ProtocolRound,
  terms: RoundTerms,
  survivors: number,
  read: ByteReader,
): Promise<OpenedSum> {
  const mean = new Float64Array(terms.form.length);
  let offset = 0;
  let squares = 0;
  for await (const block of machine.openSum(read)) {
    const part = decodeMean(block, terms.form, survivors);
    for (const value of part) squares += value * value;
    mean.set(part, offset);
    offset += part.length;
  }
  return { mean, norm: Math.sqrt(squares), expectedNorm: expectedNorm(terms, survivors) };
}

/** Triangle inequality, and of the noise's norm: E + 6 deviations, which is generous for Gaussians (concentration of measure). */
function expectedNorm({ form, noise }: RoundTerms, survivors: number): number {
  const variance = noise.mechanism === 'discrete-laplace' ? 2 * noise.parameter ** 2 : noise.parameter;
  const deviation = Math.sqrt(survivors * variance);
  const ofNoise = deviation * (Math.sqrt(form.length) + 6 * (noise.mechanism === 'discrete-laplace' ? 4 : 1));
  return (survivors * quantisedBound(form) + ofNoise) / (survivors * form.scale);
}
