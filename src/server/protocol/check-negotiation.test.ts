import { describe, expect, it } from 'vitest';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { checkNegotiation } from './check-negotiation.ts';
import { ToolError } from './error-codes.ts';
import type { RequestParameters } from './negotiation.ts';

const artifact = smallArtifact();
const { negotiation } = artifact;
const agreed = { artifact, algorithmId: 'CKKS:test' };

function codeOf(request: RequestParameters): string {
  try {
    checkNegotiation(request, agreed);
    return 'accepted';
  } catch (error) {
    if (error instanceof ToolError) return error.code;
    throw error;
  }
}

describe('negotiation', () => {
  it('accepts nothing, everything that the artifact states, and the draft’s spelling of schemes', () => {
    expect(codeOf({})).toBe('accepted');
    const { scheme_context, ...rest } = negotiation;
    const stated = {
      ...rest,
      coeff_modulus: [...rest.coeff_modulus],
      galois_key_mappings: { ...rest.galois_key_mappings },
    };
    expect(codeOf({ ...stated, scheme_context, algorithm_id: 'CKKS:test' })).toBe('accepted');
    expect(codeOf({ scheme_context: 'ckks' })).toBe('accepted');
  });

  const [first, ...others] = negotiation.coeff_modulus;
  const cases: readonly [what: string, request: RequestParameters, code: string][] = [
    ['another scheme', { scheme_context: 'BFV/BGV' }, 'ERROR_SCHEME_MISMATCH'],
    ['another algorithm', { algorithm_id: 'CKKS:other' }, 'ERROR_SCHEME_MISMATCH'],
    ['a ring too small for the modulus', { poly_modulus_degree: 4096 }, 'ERROR_WEAK_PARAMETERS'],
    ['a ring that the table does not know', { poly_modulus_degree: 2 ** 19 }, 'ERROR_WEAK_PARAMETERS'],
    ['a level that the parameters miss', { security_level: 256 }, 'ERROR_WEAK_PARAMETERS'],
    [
      'a modulus too large',
      { coeff_modulus: [...negotiation.coeff_modulus, String(2n ** 59n), String(2n ** 58n)] },
      'ERROR_WEAK_PARAMETERS',
    ],
    ['another ring', { poly_modulus_degree: 16384 }, 'ERROR_PARAMETER_MISMATCH'],
    ['another order of primes', { coeff_modulus: [...others, first!] }, 'ERROR_PARAMETER_MISMATCH'],
    ['another scale', { scale: 2 ** 29 }, 'ERROR_PARAMETER_MISMATCH'],
    ['a scale beyond the last prime', { scale: 2 ** 45 }, 'ERROR_NOISE_OVERFLOW'],
    ['more depth than there are levels', { max_multiplication_depth: 4 }, 'ERROR_DEPTH_EXCEEDED'],
    ['less depth than the model has', { max_multiplication_depth: 1 }, 'ERROR_DEPTH_EXCEEDED'],
    ['another packing', { input_packing_format: 'gip_2d' }, 'ERROR_PACKING_MISMATCH'],
    ['another batch', { batch_size: 7 }, 'ERROR_PARAMETER_MISMATCH'],
    ['other slots', { slot_count: 8192 }, 'ERROR_PARAMETER_MISMATCH'],
    ['a missing Galois key', { galois_key_mappings: {} }, 'ERROR_INVALID_GALOIS_KEY'],
    ['a wrong Galois key', { galois_key_mappings: { '1': 'galois:5' } }, 'ERROR_INVALID_GALOIS_KEY'],
  ];

  it.each(cases)('refuses %s', (_what, request, code) => {
    expect(codeOf(request)).toBe(code);
  });
});
