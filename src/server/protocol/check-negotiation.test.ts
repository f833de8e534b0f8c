import { describe, expect, it } from 'vitest';
import { smallArtifact } from '../../program/testing/small-artifact.ts';
import { type Agreed, checkAgainstAny, checkNegotiation } from './check-negotiation.ts';
import { ToolError } from './error-codes.ts';
import type { RequestParameters } from './negotiation.ts';

const artifact = smallArtifact();
const { negotiation } = artifact;
const agreed: Agreed = { artifact, algorithmId: 'CKKS:test' };

/** "accepted", or the code and the reason. */
function verdict(request: RequestParameters, against = agreed): string {
  try {
    checkNegotiation(request, against);
    return 'accepted';
  } catch (error) {
    if (error instanceof ToolError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

it('of several models one that takes it is enough; else the first says why', () => {
  const other: Agreed = { artifact, algorithmId: 'CKKS:other' };
  const check = (request: RequestParameters, models: readonly Agreed[]) => (): void =>
    checkAgainstAny(request, models);
  expect(check({ algorithm_id: 'CKKS:other' }, [agreed, other])).not.toThrow();
  expect(check({ algorithm_id: 'CKKS:third' }, [agreed, other])).toThrow('algorithm_id must be CKKS:test');
  expect(check({ algorithm_id: 'CKKS:other' }, [agreed])).toThrow(ToolError);
});

describe('negotiation', () => {
  it('accepts nothing, everything that the artifact states, and the draft’s spelling of schemes', () => {
    expect(verdict({})).toBe('accepted');
    const { scheme_context, ...rest } = negotiation;
    const stated = {
      ...rest,
      coeff_modulus: [...rest.coeff_modulus],
      galois_key_mappings: { ...rest.galois_key_mappings },
    };
    expect(verdict({ ...stated, scheme_context, algorithm_id: 'CKKS:test' })).toBe('accepted');
    expect(verdict({ scheme_context: 'ckks' })).toBe('accepted');
    expect(verdict({ scheme_context: 'BFV / Ckks' })).toBe('accepted');
  });

  const [first, ...others] = negotiation.coeff_modulus;
  const mismatch = (name: string, own: number, asked: number): string =>
    `ERROR_PARAMETER_MISMATCH: ${name} must be ${own} for this model, not ${asked}`;
  const cases: readonly [what: string, request: RequestParameters, reason: string][] = [
    ['another scheme', { scheme_context: 'BFV/BGV' }, 'ERROR_SCHEME_MISMATCH: scheme_context must be CKKS'],
    [
      'another algorithm',
      { algorithm_id: 'CKKS:other' },
      'ERROR_SCHEME_MISMATCH: algorithm_id must be CKKS:test',
    ],
    [
      'a ring too small for the modulus',
      { poly_modulus_degree: 4096 },
      'ERROR_WEAK_PARAMETERS: a modulus of 180 bits at poly_modulus_degree 4096 misses 128 bits of security, at most 106',
    ],
    [
      'a ring that the table does not know',
      { poly_modulus_degree: 2 ** 19 },
      'ERROR_WEAK_PARAMETERS: no modulus is known to have 128 bits of security at poly_modulus_degree 524288',
    ],
    [
      'a level that the parameters miss',
      { security_level: 256 },
      'ERROR_WEAK_PARAMETERS: a modulus of 180 bits at poly_modulus_degree 8192 misses 256 bits',
    ],
    [
      'a modulus too large',
      { coeff_modulus: [...negotiation.coeff_modulus, String(2n ** 59n), String(2n ** 58n)] },
      'ERROR_WEAK_PARAMETERS: a modulus of 299 bits',
    ],
    [
      'less security than the model has, even if the modulus would have it',
      { security_level: 192, coeff_modulus: [first!] },
      mismatch('security_level', 128, 192),
    ],
    ['another ring', { poly_modulus_degree: 16384 }, mismatch('poly_modulus_degree', 8192, 16384)],
    [
      'another order of primes',
      { coeff_modulus: [...others, first!] },
      'ERROR_PARAMETER_MISMATCH: coeff_modulus differs from the chain',
    ],
    ['a prime too few', { coeff_modulus: others }, 'ERROR_PARAMETER_MISMATCH: coeff_modulus differs'],
    ['another scale', { scale: 2 ** 29 }, mismatch('scale', 2 ** 30, 2 ** 29)],
    ['the largest scale of the last prime', { scale: 2 ** 39.9 }, 'ERROR_PARAMETER_MISMATCH: scale must be'],
    [
      'a scale beyond the last prime',
      { scale: 2 ** 40 },
      'ERROR_NOISE_OVERFLOW: a scale of 2^40.0 leaves no room in the last prime of 40 bits',
    ],
    [
      'more depth than there are levels',
      { max_multiplication_depth: 4 },
      'ERROR_DEPTH_EXCEEDED: a depth of 4 is announced, ciphertexts of these parameters carry at most 3',
    ],
    [
      'less depth than the model has',
      { max_multiplication_depth: 2 },
      'ERROR_DEPTH_EXCEEDED: the model needs a depth of 3, 2 are allowed',
    ],
    [
      'another packing',
      { input_packing_format: 'gip_2d' },
      'ERROR_PACKING_MISMATCH: input_packing_format must be "slots in order"',
    ],
    ['another batch', { batch_size: 7 }, mismatch('batch_size', 1, 7)],
    ['other slots', { slot_count: 8192 }, mismatch('slot_count', 4096, 8192)],
    ['other special primes', { special_primes: 2 }, mismatch('special_primes', 1, 2)],
    ['other digits', { key_switching_digits: 1 }, mismatch('key_switching_digits', 4, 1)],
    [
      'plain moduli where there are none',
      { plain_modulus: ['65537'] },
      'ERROR_PARAMETER_MISMATCH: plain_modulus differs from that of this model',
    ],
    [
      'a missing Galois key',
      { galois_key_mappings: {} },
      'ERROR_INVALID_GALOIS_KEY: galois_key_mappings lacks rotation step 1',
    ],
    [
      'a wrong Galois key',
      { galois_key_mappings: { '1': 'galois:5' } },
      'ERROR_INVALID_GALOIS_KEY: galois_key_mappings names another key for rotation step 1, expected galois:3',
    ],
  ];

  it.each(cases)('refuses %s', (_what, request, reason) => {
    expect(verdict(request).slice(0, reason.length)).toBe(reason);
  });

  it('takes any depth up to the levels of the chain, from what the model needs', () => {
    const needs = { ...negotiation, max_multiplication_depth: 2 };
    const against = { ...agreed, artifact: { ...artifact, negotiation: needs } };
    for (const depth of [2, 3])
      expect(verdict({ max_multiplication_depth: depth }, against)).toBe('accepted');
  });

  it('takes the depth of a model that refreshes, beyond the levels of the chain', () => {
    const deep = { ...negotiation, max_multiplication_depth: 77 };
    const against = { ...agreed, artifact: { ...artifact, negotiation: deep } };
    expect(verdict({ max_multiplication_depth: 77 }, against)).toBe('accepted');
    expect(verdict({ max_multiplication_depth: 78 }, against)).toMatch(/carry at most 77/);
    expect(verdict({ max_multiplication_depth: 3 }, against)).toMatch(/needs a depth of 77, 3 are allowed/);
  });

  it('of exact schemes is about plain moduli, and depth that primes do not bound', () => {
    const exact = {
      ...agreed,
      artifact: {
        negotiation: { ...negotiation, plain_modulus: ['65537', '114689'], max_multiplication_depth: 9 },
        parameters: { ...artifact.parameters, scheme: 'bfv' } as typeof artifact.parameters,
      },
    };
    expect(verdict({ plain_modulus: ['65537', '114689'], max_multiplication_depth: 9 }, exact)).toBe(
      'accepted',
    );
    expect(verdict({ plain_modulus: ['114689', '65537'] }, exact)).toMatch(/plain_modulus differs/);
    expect(verdict({ max_multiplication_depth: 10 }, exact)).toMatch(/carry at most 9/);
  });
});
