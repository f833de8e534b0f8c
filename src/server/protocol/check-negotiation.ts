/** Holds the §7.1 parameters of a request against the model and the key set, in the order in which they can do harm. */
import type { Artifact } from '../../program/artifact.ts';
import { totalBits } from '../../program/primes.ts';
import { maxLogQP } from '../../program/security-tables.ts';
import { ToolError } from './error-codes.ts';
import type { RequestParameters } from './negotiation.ts';

/** What a request is checked against. */
export interface Agreed {
  readonly artifact: Pick<Artifact, 'negotiation' | 'parameters'>;
  readonly algorithmId: string;
}

/**
 * @throws ToolError ERROR_WEAK_PARAMETERS, ERROR_DEPTH_EXCEEDED, ERROR_NOISE_OVERFLOW, ERROR_SCHEME_MISMATCH,
 * ERROR_PARAMETER_MISMATCH, ERROR_PACKING_MISMATCH or ERROR_INVALID_GALOIS_KEY
 */
export function checkNegotiation(request: RequestParameters, agreed: Agreed): void {
  const { negotiation } = agreed.artifact;
  checkSecurity(request, agreed);
  if (
    request.scheme_context !== undefined &&
    !namesScheme(request.scheme_context, negotiation.scheme_context)
  ) {
    throw new ToolError(
      'ERROR_SCHEME_MISMATCH',
      `scheme_context must be ${negotiation.scheme_context} for this model`,
    );
  }
  if (request.algorithm_id !== undefined && request.algorithm_id !== agreed.algorithmId) {
    throw new ToolError('ERROR_SCHEME_MISMATCH', `algorithm_id must be ${agreed.algorithmId} for this model`);
  }
  checkDepth(request, agreed);
  checkScale(request, agreed);
  equal(request, 'poly_modulus_degree', negotiation.poly_modulus_degree);
  equal(request, 'slot_count', negotiation.slot_count);
  equal(request, 'batch_size', negotiation.batch_size);
  equal(request, 'special_primes', negotiation.special_primes);
  equal(request, 'key_switching_digits', negotiation.key_switching_digits);
  if (
    request.plain_modulus !== undefined &&
    request.plain_modulus.join() !== (negotiation.plain_modulus ?? []).join()
  ) {
    throw new ToolError('ERROR_PARAMETER_MISMATCH', 'plain_modulus differs from that of this model');
  }
  if (request.coeff_modulus !== undefined) {
    const chain = request.coeff_modulus.map(String);
    if (chain.join() !== negotiation.coeff_modulus.join()) {
      throw new ToolError(
        'ERROR_PARAMETER_MISMATCH',
        'coeff_modulus differs from the chain of this model (data primes in order, then special primes)',
      );
    }
  }
  if (
    request.input_packing_format !== undefined &&
    request.input_packing_format !== negotiation.input_packing_format
  ) {
    throw new ToolError(
      'ERROR_PACKING_MISMATCH',
      `input_packing_format must be "${negotiation.input_packing_format}"`,
    );
  }
  checkGaloisKeys(request, negotiation.galois_key_mappings);
}

/**
 * Held against the first of several that takes them.
 * @throws ToolError as `checkNegotiation` does for the first, if none does
 */
export function checkAgainstAny(request: RequestParameters, [first, ...others]: readonly Agreed[]): void {
  if (first === undefined) return;
  try {
    checkNegotiation(request, first);
  } catch (refused) {
    if (!others.some((other) => accepts(request, other))) throw refused;
  }
}

function accepts(request: RequestParameters, agreed: Agreed): boolean {
  try {
    checkNegotiation(request, agreed);
    return true;
  } catch (refused) {
    if (refused instanceof ToolError) return false;
    throw refused;
  }
}

/** §7.1: MUST reject what misses the declared level, whether the request's own parameters or those of the model. */
function checkSecurity(request: RequestParameters, { artifact }: Agreed): void {
  const { parameters, negotiation } = artifact;
  const level = request.security_level ?? negotiation.security_level;
  const degree = request.poly_modulus_degree ?? parameters.polyModulusDegree;
  const chain = (request.coeff_modulus ?? negotiation.coeff_modulus).map((prime) => BigInt(prime));
  const bits = totalBits(chain);
  const bound = maxLogQP(degree, level);
  if (bits > bound) {
    throw new ToolError(
      'ERROR_WEAK_PARAMETERS',
      bound === 0
        ? `no modulus is known to have ${level} bits of security at poly_modulus_degree ${degree}`
        : `a modulus of ${bits} bits at poly_modulus_degree ${degree} misses ${level} bits of security, at most ${bound} are allowed`,
    );
  }
  equal(request, 'security_level', negotiation.security_level);
}

function namesScheme(asked: string, own: string): boolean {
  // The draft writes 'BFV/BGV' for the exact schemes.
  return asked.split('/').some((name) => name.trim().toUpperCase() === own.toUpperCase());
}

function checkDepth(request: RequestParameters, { artifact }: Agreed): void {
  const asked = request.max_multiplication_depth;
  if (asked === undefined) return;
  const needed = artifact.negotiation.max_multiplication_depth;
  // Exact schemes spend noise budget on depth, not primes; and refreshes let a model go deeper than its chain.
  const { scheme, dataPrimes } = artifact.parameters;
  const available = scheme === 'bfv' ? needed : Math.max(needed, dataPrimes.length - 1);
  if (asked > available) {
    throw new ToolError(
      'ERROR_DEPTH_EXCEEDED',
      `a depth of ${asked} is announced, ciphertexts of these parameters carry at most ${available}`,
    );
  }
  if (asked < needed) {
    throw new ToolError('ERROR_DEPTH_EXCEEDED', `the model needs a depth of ${needed}, ${asked} are allowed`);
  }
}

function checkScale(request: RequestParameters, { artifact }: Agreed): void {
  if (request.scale === undefined) return;
  const first = artifact.parameters.dataPrimes[0];
  if (first !== undefined && Math.log2(request.scale) >= totalBits([first])) {
    throw new ToolError(
      'ERROR_NOISE_OVERFLOW',
      `a scale of 2^${Math.log2(request.scale).toFixed(1)} leaves no room in the last prime of ${totalBits([first])} bits`,
    );
  }
  equal(request, 'scale', artifact.negotiation.scale);
}

function checkGaloisKeys(request: RequestParameters, own: Readonly<Record<string, string>>): void {
  const mappings = request.galois_key_mappings;
  if (mappings === undefined) return;
  for (const [step, reference] of Object.entries(own)) {
    if (!Object.hasOwn(mappings, step)) {
      throw new ToolError('ERROR_INVALID_GALOIS_KEY', `galois_key_mappings lacks rotation step ${step}`);
    }
    if (mappings[step] !== reference) {
      throw new ToolError(
        'ERROR_INVALID_GALOIS_KEY',
        `galois_key_mappings names another key for rotation step ${step}, expected ${reference}`,
      );
    }
  }
}

function equal<
  K extends
    | 'special_primes'
    | 'key_switching_digits'
    | 'poly_modulus_degree'
    | 'slot_count'
    | 'batch_size'
    | 'scale'
    | 'security_level',
>(request: RequestParameters, name: K, own: number): void {
  const asked = request[name];
  if (asked !== undefined && asked !== own) {
    throw new ToolError('ERROR_PARAMETER_MISMATCH', `${name} must be ${own} for this model, not ${asked}`);
  }
}
