/** What node-seal cannot evaluate, whatever the memory. */
import type { ParametersLiteral } from '../../../program/parameters.ts';

/** The largest ring that SEAL was built for (SEAL_POLY_MOD_DEGREE_MAX; its own bound of secure moduli ends there too). */
const MAX_DEGREE = 32768;

/** Why node-seal cannot use these parameters; null if it can. */
export function sealRefusal({
  polyModulusDegree,
  dataPrimes,
  specialPrimes,
  dnum,
  refresh,
}: Pick<ParametersLiteral, 'polyModulusDegree' | 'dataPrimes' | 'specialPrimes' | 'dnum' | 'refresh'>):
  string | null {
  if (refresh !== undefined) return 'node-seal has no refresh (bootstrap), which these parameters are for';
  if (specialPrimes.length !== 1)
    return `node-seal needs exactly one special prime, not ${specialPrimes.length}`;
  if (dnum !== dataPrimes.length) {
    return `node-seal needs a key-switching digit for each of the ${dataPrimes.length} data primes, not ${dnum} digits`;
  }
  if (polyModulusDegree > MAX_DEGREE) {
    return `node-seal knows rings up to N = ${MAX_DEGREE}, not ${polyModulusDegree}`;
  }
  return null;
}
