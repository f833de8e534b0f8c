/** What parameters have for refreshes: whether it is possible, and whether its ephemeral secret is secure. */
import { leastAttackCost, leastCost, sparseSecretEstimates } from './security-tables.ts';
import type { AttackEstimate } from './security-tables.ts';
import type { ParametersLiteral, RefreshParameters, TransformGroup } from './parameters.ts';
import { totalBits } from './primes.ts';
import { refreshDepth } from './semantics/refresh-plan.ts';

/** More stages at once have so many diagonals that they would not be kept, or even made. */
const MAX_STAGES = 8;

/** What is known of the secret that refreshes raise the modulus under, so that anyone can check it again. */
export interface EphemeralCertificate {
  readonly polyModulusDegree: number;
  readonly weight: number;
  /** Bits of q_0 and the first special prime, the only modulus that it is used under; and what the estimates are for. */
  readonly logModulus: number;
  readonly maxLogModulus: number;
  /** log2 of operations: of the cheapest attack that has a cost, and what that must be at least. */
  readonly leastCost: number;
  readonly requiredCost: number;
  readonly attacks: readonly AttackEstimate[];
  /** The estimator. */
  readonly source: string;
}

/** What makes refreshes impossible under parameters that are sound otherwise, or null. */
export function impossibleRefresh(literal: ParametersLiteral): string | null {
  const { refresh, scheme, dataPrimes, polyModulusDegree } = literal;
  if (refresh === undefined) return null;
  if (scheme !== 'ckks') return `only CKKS has refreshes, not ${scheme}`;
  const { raisedBits, down, up, ephemeralWeight } = refresh;
  if (!Number.isFinite(raisedBits) || raisedBits < 10 || raisedBits > 60)
    return `the raised scale must be between 2^10 and 2^60, not 2^${raisedBits}`;
  const stages = Math.log2(polyModulusDegree / 2);
  if (!isTransform(down, stages) || !isTransform(up, stages))
    return `transforms must take ${stages} butterfly stages in groups of 1 to ${MAX_STAGES}`;
  if (!Number.isInteger(ephemeralWeight) || ephemeralWeight < 1 || ephemeralWeight > polyModulusDegree)
    return `an ephemeral secret cannot have weight ${ephemeralWeight}`;
  const least = down.length + refreshDepth({ up }) + 1;
  return dataPrimes.length - 1 < least
    ? `a chain of ${dataPrimes.length} data primes leaves no level after a refresh, which needs ${least + 1}`
    : null;
}

function isTransform(groups: readonly TransformGroup[], stages: number): boolean {
  return (
    groups.length > 0 &&
    groups.reduce((sum, group) => sum + group.stages, 0) === stages &&
    groups.every(
      ({ stages: own, babies }) =>
        Number.isInteger(own) &&
        own >= 1 &&
        own <= MAX_STAGES &&
        Number.isInteger(babies) &&
        babies >= 1 &&
        babies < 2 ** (own + 1),
    )
  );
}

/** Why the ephemeral secret is not known to be secure, or null. Fails closed: an unknown ring, weight or modulus is refused. */
export function insecureRefresh(literal: ParametersLiteral): string | null {
  const { refresh, polyModulusDegree, securityLevel } = literal;
  if (refresh === undefined) return null;
  const { ephemeralWeight } = refresh;
  const who = `an ephemeral secret of weight ${ephemeralWeight} at N = ${polyModulusDegree}`;
  const known = sparseSecretEstimates(polyModulusDegree, ephemeralWeight, securityLevel);
  if (known === null)
    return `no estimate certifies ${who}: attacks must cost 2^${leastAttackCost(securityLevel)}`;
  const logModulus = exposedBits(literal);
  return logModulus > known.maxLogModulus
    ? `${who} is certified up to ${known.maxLogModulus} bits of modulus, q_0 and the first special prime have ${logModulus}`
    : null;
}

/** Of parameters that were checked. */
export function certifyEphemeral(
  parameters: ParametersLiteral,
  { ephemeralWeight }: RefreshParameters,
): EphemeralCertificate {
  const { polyModulusDegree, securityLevel } = parameters;
  const known = sparseSecretEstimates(polyModulusDegree, ephemeralWeight, securityLevel)!;
  const { attacks, maxLogModulus, estimator, commit, weight } = known;
  return {
    polyModulusDegree,
    weight: ephemeralWeight,
    logModulus: exposedBits(parameters),
    maxLogModulus,
    leastCost: leastCost(attacks)!,
    requiredCost: leastAttackCost(securityLevel),
    attacks,
    source: `${estimator} ${commit}, weight ${weight}, modulus 2^${maxLogModulus}`,
  };
}

function exposedBits({ dataPrimes, specialPrimes }: ParametersLiteral): number {
  return totalBits([dataPrimes[0]!, specialPrimes[0]!]);
}
