/** The draft's §7 as schemas: what a request may state about its cryptography, and what every answer states. */
import { z } from 'zod';

/** §7.1; all optional, all checked, none of them overrides what the keys and the artifact say. */
export const requestParameters = z.object({
  scheme_context: z.string().max(32).describe('CKKS, BFV, …'),
  poly_modulus_degree: z
    .int()
    .min(2)
    .max(2 ** 20)
    .describe('N'),
  scale: z.number().positive(),
  coeff_modulus: z
    .array(z.union([z.string().regex(/^[0-9]{1,40}$/), z.int().positive()]))
    .min(1)
    .max(128)
    .describe('Ordered chain of primes, decimal'),
  special_primes: z.int().min(0).max(128).describe('How many at the end of the chain are special primes'),
  key_switching_digits: z.int().min(1).max(128).describe('dnum'),
  plain_modulus: z
    .array(z.string().regex(/^[0-9]{1,40}$/))
    .min(1)
    .max(64)
    .readonly()
    .describe('Exact schemes: batching primes, decimal'),
  security_level: z.union([z.literal(128), z.literal(192), z.literal(256)]),
  max_multiplication_depth: z
    .int()
    .min(0)
    .max(65_536)
    .describe('Multiplications in a row; with refreshes (bootstraps) more than the chain has levels'),
  input_packing_format: z.string().max(65_536),
  batch_size: z.int().min(1),
  slot_count: z.int().min(1),
  galois_key_mappings: z
    .record(z.string().regex(/^-?[0-9]{1,9}$/), z.string().max(128))
    .describe('Rotation step → reference to its Galois key'),
  /** §5.3: may travel with the request; then it must be that of the key set. */
  algorithm_id: z.string().max(256),
});

const partialParameters = requestParameters.partial();
export type RequestParameters = z.infer<typeof partialParameters>;

/** For tools to spread into their input. */
export const optionalParameters = partialParameters.shape;

/** What refreshing adds to a model that does: not of §7.1, and nothing for a request to state. */
export const refreshTerms = z.object({
  count: z.int().min(1).describe('Refreshes (bootstraps) of single ciphertexts in one evaluation'),
  from_level: z.int().min(0).describe('That a value is refreshed at'),
  raised_level: z.int().min(0).describe('That the modulus is raised to: the whole chain'),
  to_level: z
    .int()
    .min(0)
    .describe('Left of it; to_level − from_level multiplications follow until the next'),
  predicted_ms: z.number().min(0).describe('All of them, part of latency_ms'),
});
export type RefreshTerms = z.infer<typeof refreshTerms>;

/** §7.2: exact schemes in bits; CKKS as the level that is left and the scale. */
export const noiseBudget = z.union([
  z.number().describe('Invariant noise budget, bits'),
  z.object({
    remaining_level: z.int().min(0).describe('Rescales left until it must be refreshed or encrypted anew'),
    scale: z.number().positive(),
    refreshes: z
      .int()
      .min(1)
      .exactOptional()
      .describe('Refreshes (bootstraps) of ciphertexts on the way to it, each of which gave levels back'),
  }),
]);
export type NoiseBudget = z.infer<typeof noiseBudget>;

export const telemetry = z.object({
  noise_budget_remaining: noiseBudget.nullable(),
  computation_depth_used: z.int().min(0),
  output_shape: z.array(z.int().min(0)).nullable(),
  error_code: z.string().nullable(),
  requires_decryption: z
    .boolean()
    .describe('The result is a ciphertext: decrypt it locally before anything else'),
});
export type Telemetry = z.infer<typeof telemetry>;
