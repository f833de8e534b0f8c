/**
 * How many bits of a result may be shown, whatever a signature claims. Signatures come from servers, and rounding is what
 * keeps decryptions from telling about the secret key (Li and Micciancio, EUROCRYPT 2021): a server that states a precision
 * beyond the noise must not switch it off. Every honest result carries at least the noise of one rescaling, so nothing is
 * ever rounded more finely than that.
 */
import type { Signature } from '../../program/signature.ts';

/**
 * Standard deviation of one rescaling's rounding error in a slot, times the scale: coefficients are rounded, uniformly in
 * ±1/2, in both polynomials, the second is multiplied by the ternary secret, and N coefficients add up in a slot
 * (Kim, Papadimitriou, Polyakov, CT-RSA 2022, §3.3): √(N/12 · (1 + 2N/3)).
 */
function rescalingNoise(polyModulusDegree: number): number {
  return Math.sqrt((polyModulusDegree / 12) * (1 + (2 * polyModulusDegree) / 3));
}

/** The signature with no output's precision above that; `roundToPrecision` rounds to multiples of 2^⌊log2(bound) + 1 − bits⌋. */
export function boundedPrecision(signature: Signature): Signature {
  // Exact schemes decrypt to the integers themselves: there is no noise to tell of.
  if (signature.parameters.scheme === 'bfv') return signature;
  const noise = rescalingNoise(signature.parameters.polyModulusDegree);
  return {
    ...signature,
    outputs: signature.outputs.map((output) => ({
      ...output,
      precisionBits: Math.min(output.precisionBits, Math.log2((output.bound * output.scale) / noise)),
    })),
  };
}
