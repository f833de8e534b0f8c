/**
 * The gate that parameters pass before anything is keyed, encrypted or evaluated under them, and the certificate of what was
 * checked; the numbers are in `security-tables.ts`.
 */
import { ArtifactError } from '../errors.ts';
import { certifyEphemeral, impossibleRefresh, insecureRefresh } from './check-refresh.ts';
import type { EphemeralCertificate } from './check-refresh.ts';
import { isPrime, totalBits } from './primes.ts';
import { digitsAt, digitSize, isSealShaped } from './parameters.ts';
import type { ParametersLiteral, RefreshParameters, SecurityLevel } from './parameters.ts';
import type { SecurityBound } from './security-tables.ts';
import { maxLogQP, securityBounds } from './security-tables.ts';

/** Standard deviation of the error distribution used by every backend; the tables assume 3.19 or 3.2. */
export const ERROR_STANDARD_DEVIATION = 3.2;

/** States what was checked, so that anyone can check it again. */
export interface SecurityCertificate {
  readonly securityBits: SecurityLevel;
  readonly polyModulusDegree: number;
  readonly logQP: number;
  readonly maxLogQP: number;
  readonly secretDistribution: 'uniform-ternary';
  readonly errorStandardDeviation: number;
  /** Both tables; the smaller bound is `maxLogQP`. */
  readonly bounds: readonly SecurityBound[];
  /** The tables and their bounds in words. */
  readonly source: string;
  /** Of the sparse secret that refreshes raise the modulus under; left out where nothing is refreshed. */
  readonly ephemeral?: EphemeralCertificate;
}

declare const checked: unique symbol;
/** Parameters that passed `checkParameters`; nothing else can make this type. */
export type CkksParameters = ParametersLiteral & { readonly [checked]: true };

/**
 * Checks and freezes parameters. Fails closed: an unknown ring degree, a composite, repeated or wrong-residue modulus,
 * or a modulus above the bound of the declared security level is refused.
 * @throws ArtifactError PARAMETERS_INSECURE or PARAMETERS_INVALID
 */
export function checkParameters(literal: ParametersLiteral): CkksParameters {
  const { polyModulusDegree: n, securityLevel } = literal;
  const invalid = (message: string): never => {
    throw new ArtifactError('PARAMETERS_INVALID', message);
  };
  if (literal.scheme === 'cleartext') return checkCleartext(literal);
  if (!['ckks', 'bfv'].includes(literal.scheme))
    invalid(`scheme must be ckks or bfv, not ${String(literal.scheme)}`);
  if (![128, 192, 256].includes(securityLevel))
    invalid(`security level must be 128, 192 or 256, not ${String(securityLevel)}`);
  if (literal.secretDistribution !== 'uniform-ternary') invalid('only uniform ternary secrets are supported');
  const bound = maxLogQP(n, securityLevel);
  if (bound === 0) invalid(`the security table has no entry for N = ${n} at ${securityLevel} bits`);
  const primes = [...literal.dataPrimes, ...literal.specialPrimes];
  if (literal.dataPrimes.length === 0) invalid('at least one data prime is needed');
  if (literal.specialPrimes.length === 0) invalid('at least one special prime is needed');
  if (primes.length > 64) invalid(`at most 64 primes are supported, not ${primes.length}`);
  if (new Set(primes).size !== primes.length) invalid('the primes must be distinct');
  for (const prime of primes) {
    if (prime < 2n || prime >= 1n << 60n) invalid(`modulus ${prime} must have at most 60 bits`);
    if (prime % BigInt(2 * n) !== 1n) invalid(`modulus ${prime} must be 1 mod 2N`);
    if (!isPrime(prime)) invalid(`modulus ${prime} must be prime`);
  }
  const exact = wrongPlainModuli(literal, primes);
  if (exact !== null) invalid(exact);
  const leastScale = literal.scheme === 'bfv' ? 0 : 10;
  if (!Number.isFinite(literal.scaleBits) || literal.scaleBits < leastScale || literal.scaleBits > 60)
    invalid(`scale must be between 2^10 and 2^60, not 2^${literal.scaleBits}`);
  const wrong = wrongDigits(literal);
  if (wrong !== null) invalid(wrong);
  const impossible = impossibleRefresh(literal);
  if (impossible !== null) invalid(impossible);
  const insecure = tooLargeModulus(literal, bound) ?? insecureRefresh(literal);
  if (insecure !== null) {
    throw new ArtifactError('PARAMETERS_INSECURE', insecure, {
      hint: 'compile the model again: chains are planned for the strictest of all bounds, what exceeds one is never run',
    });
  }
  return Object.freeze({
    ...literal,
    dataPrimes: Object.freeze([...literal.dataPrimes]),
    specialPrimes: Object.freeze([...literal.specialPrimes]),
    ...(literal.plainModuli === undefined ? {} : { plainModuli: Object.freeze([...literal.plainModuli]) }),
    ...(literal.refresh === undefined ? {} : { refresh: freezeRefresh(literal.refresh) }),
  }) as CkksParameters;
}

function tooLargeModulus(
  { dataPrimes, specialPrimes, polyModulusDegree, securityLevel }: ParametersLiteral,
  bound: number,
): string | null {
  const logQP = totalBits([...dataPrimes, ...specialPrimes]);
  if (logQP <= bound) return null;
  return `log2(QP) = ${logQP} exceeds ${bound}, the most that N = ${polyModulusDegree} allows at ${securityLevel} bits`;
}

function freezeRefresh({ down, up, ...rest }: RefreshParameters): RefreshParameters {
  const freeze = (groups: RefreshParameters['down']): RefreshParameters['down'] =>
    Object.freeze(groups.map((group) => Object.freeze({ ...group })));
  return Object.freeze({ ...rest, down: freeze(down), up: freeze(up) });
}

/** So many parts a BFV ciphertext may have; more than any program needs. */
const MAX_PLAIN_MODULI = 8;

/** What is wrong with the plain moduli and what goes with them, or null. They have no influence on security. */
function wrongPlainModuli(literal: ParametersLiteral, primes: readonly bigint[]): string | null {
  const { scheme, plainModuli, polyModulusDegree, scaleBits } = literal;
  if (scheme !== 'bfv') return plainModuli === undefined ? null : 'only BFV has plain moduli';
  if (plainModuli === undefined || plainModuli.length === 0 || plainModuli.length > MAX_PLAIN_MODULI)
    return `BFV needs 1 to ${MAX_PLAIN_MODULI} plain moduli, not ${plainModuli?.length ?? 0}`;
  if (new Set([...plainModuli, ...primes]).size !== plainModuli.length + primes.length)
    return 'the plain moduli must be distinct, and none of them a ciphertext modulus';
  for (const modulus of plainModuli) {
    if (modulus < 2n || modulus >= 1n << 60n) return `plain modulus ${modulus} must have at most 60 bits`;
    if (modulus % BigInt(2 * polyModulusDegree) !== 1n) return `plain modulus ${modulus} must be 1 mod 2N`;
    if (!isPrime(modulus)) return `plain modulus ${modulus} must be prime`;
  }
  if (!isSealShaped(literal))
    return 'BFV needs one special prime and a key-switching digit for each data prime';
  return scaleBits === 0 ? null : `the scale of BFV is 1, not 2^${scaleBits}`;
}

/**
 * What is wrong with the key-switching digits, or null. Key-switching noise is divided by P, the product of the special
 * primes: with P below a digit, it drowns the message instead of vanishing (Han and Ki, eprint 2019/688, §3). SEAL's own shape
 * is let pass as SEAL does, whose special prime need not be the largest: its noise is then in the forecast.
 */
function wrongDigits(literal: ParametersLiteral): string | null {
  const { dataPrimes, specialPrimes, dnum } = literal;
  if (!Number.isInteger(dnum) || dnum < 1 || dnum > dataPrimes.length)
    return `dnum must be between 1 and ${dataPrimes.length}, not ${dnum}`;
  const size = digitSize(literal);
  if (digitsAt(literal, dataPrimes.length - 1) !== dnum)
    return `${dataPrimes.length} data primes in digits of ${size} are not ${dnum} digits`;
  if (isSealShaped(literal)) return null;
  const product = (primes: readonly bigint[]): bigint => primes.reduce((all, prime) => all * prime, 1n);
  const special = product(specialPrimes);
  for (let first = 0; first < dataPrimes.length; first += size) {
    if (product(dataPrimes.slice(first, first + size)) >= special)
      return `the special primes do not cover the key-switching digit of q_${first} … q_${Math.min(first + size, dataPrimes.length) - 1}`;
  }
  return null;
}

/** Placeholder parameters of a program that is only verified in the clear: levels and scales, no security. */
function checkCleartext(literal: ParametersLiteral): CkksParameters {
  const { polyModulusDegree: n, dataPrimes, specialPrimes } = literal;
  const sound =
    Number.isInteger(Math.log2(n)) &&
    n >= 2 &&
    n <= 2 ** 20 &&
    specialPrimes.length === 0 &&
    dataPrimes.length > 0 &&
    dataPrimes.length <= 4096 &&
    dataPrimes.every((prime) => prime === 1n << BigInt(literal.scaleBits)) &&
    literal.refresh === undefined;
  if (!sound) throw new ArtifactError('PARAMETERS_INVALID', 'the cleartext parameters are inconsistent');
  return Object.freeze({ ...literal }) as CkksParameters;
}

/**
 * Every path that makes keys or ciphertexts goes through this gate.
 * @throws ArtifactError CLEARTEXT_ONLY
 */
export function requireEncryption(parameters: CkksParameters): void {
  if (parameters.scheme === 'cleartext') {
    throw new ArtifactError(
      'CLEARTEXT_ONLY',
      'this artifact was compiled for verification in the clear only',
      {
        hint: 'compile it with --backend seal or native, or run it with --backend cleartext',
      },
    );
  }
}

/** The certificate for checked parameters; null for cleartext ones, which have no security to certify. */
export function certify(parameters: CkksParameters): SecurityCertificate | null {
  if (parameters.scheme === 'cleartext') return null;
  const { polyModulusDegree, securityLevel, dataPrimes, specialPrimes, refresh } = parameters;
  const bounds = securityBounds(polyModulusDegree, securityLevel);
  return {
    securityBits: securityLevel,
    polyModulusDegree,
    logQP: totalBits([...dataPrimes, ...specialPrimes]),
    maxLogQP: maxLogQP(polyModulusDegree, securityLevel),
    secretDistribution: parameters.secretDistribution,
    errorStandardDeviation: ERROR_STANDARD_DEVIATION,
    bounds,
    source: bounds.map((bound) => `${bound.source}: ${bound.maxLogQP ?? 'no entry'}`).join('; '),
    ...(refresh === undefined ? {} : { ephemeral: certifyEphemeral(parameters, refresh) }),
  };
}
