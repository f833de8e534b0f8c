/** What a request may state of its cryptography: the least and the most that are taken, and one beyond. */
import { describe, expect, it } from 'vitest';
import { noiseBudget, optionalParameters, requestParameters, telemetry } from './negotiation.ts';

type Field = keyof typeof requestParameters.shape;

const step = (value: string) => ({ [value]: 'galois:3' });

describe.each<[Field, unknown[], unknown[]]>([
  ['scheme_context', ['CKKS', 'x'.repeat(32)], ['x'.repeat(33), 7]],
  ['poly_modulus_degree', [2, 2 ** 20], [1, 2 ** 20 + 1, 4096.5]],
  ['scale', [1e-9, 2 ** 60], [0, -1, Infinity, '1']],
  [
    'coeff_modulus',
    [['1'], [17, '0'.repeat(40)], Array(128).fill('17')],
    [[], Array(129).fill('17'), [''], ['1'.repeat(41)], ['1a'], ['a1'], [0], [1.5], '17'],
  ],
  ['special_primes', [0, 128], [-1, 129, 0.5]],
  ['key_switching_digits', [1, 128], [0, 129, 1.5]],
  [
    'plain_modulus',
    [['65537'], Array(64).fill('1'.repeat(40))],
    [[], Array(65).fill('1'), ['x1'], ['1x'], [1]],
  ],
  ['security_level', [128, 192, 256], [0, 100, '128']],
  ['max_multiplication_depth', [0, 65_536], [-1, 65_537, 1.5]],
  ['input_packing_format', ['', 'x'.repeat(65_536)], ['x'.repeat(65_537)]],
  ['batch_size', [1, 2 ** 30], [0, 1.5]],
  ['slot_count', [1, 2 ** 19], [0, 1.5]],
  [
    'galois_key_mappings',
    [{}, step('1'), step('-123456789'), { '1': 'x'.repeat(128) }],
    [step('1234567890'), step(''), step('--1'), step('x1'), step('1x'), { '1': 'x'.repeat(129) }],
  ],
  ['algorithm_id', ['', 'x'.repeat(256)], ['x'.repeat(257)]],
])('%s', (name, taken, refused) => {
  it.each(taken.map((value) => [value]))('may be %j', (value) => {
    expect(requestParameters.shape[name].safeParse(value).success).toBe(true);
    expect(optionalParameters[name].safeParse(undefined).success).toBe(true);
  });
  it.each(refused.map((value) => [value]))('may not be %j', (value) => {
    expect(requestParameters.shape[name].safeParse(value).success).toBe(false);
    expect(optionalParameters[name].safeParse(value).success).toBe(false);
  });
});

describe('telemetry', () => {
  const known = {
    noise_budget_remaining: 12.5,
    computation_depth_used: 0,
    output_shape: [1, 0],
    error_code: null,
    requires_decryption: true,
  };

  it.each([
    ['a noise budget in bits', {}],
    ['a level and a scale', { noise_budget_remaining: { remaining_level: 0, scale: 2 ** 30 } }],
    [
      'also how often was refreshed',
      { noise_budget_remaining: { remaining_level: 2, scale: 1, refreshes: 16 } },
    ],
    ['nothing of a result that is not there', { noise_budget_remaining: null, output_shape: null }],
    ['an error', { error_code: 'ERROR_BUSY' }],
  ])('says %s', (_what, change) => {
    expect(telemetry.parse({ ...known, ...change })).toEqual({ ...known, ...change });
  });

  it.each([
    ['a depth below zero', { computation_depth_used: -1 }],
    ['half a multiplication', { computation_depth_used: 0.5 }],
    ['a shape below zero', { output_shape: [-1] }],
    ['no answer to whether to decrypt', { requires_decryption: undefined }],
  ])('does not say %s', (_what, change) => {
    expect(telemetry.safeParse({ ...known, ...change }).success).toBe(false);
  });

  it('states no level below zero, and no scale of zero', () => {
    expect(noiseBudget.safeParse({ remaining_level: -1, scale: 1 }).success).toBe(false);
    expect(noiseBudget.safeParse({ remaining_level: 0, scale: 0 }).success).toBe(false);
    expect(noiseBudget.safeParse({ remaining_level: 0, scale: 1, refreshes: 0 }).success).toBe(false);
  });
});
